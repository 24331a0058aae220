import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Secret, SecretSource } from '../kernel/secret.ts';

/** A password on its way to restic: a path for `RESTIC_PASSWORD_FILE`, and the descriptor to hand on, if any. */
export interface PasswordChannel {
  readonly path: string;
  readonly descriptor: number | null;
  /** Call once the child has been started. */
  close(): void;
}

/**
 * restic reads the password from a file, and so it gets the very file where the secret is one. What a command printed
 * goes through an inherited descriptor of a file that has no name any more: it is in no argument, in no environment,
 * and nothing is left when we are killed. (A pipe will not do: Node's are sockets, which `/dev/fd` cannot open.)
 * @param position number that the descriptor will have in the child
 */
export function passwordChannel(source: SecretSource, password: Secret, position: number): PasswordChannel {
  if ('file' in source) return { path: resolve(source.file), descriptor: null, close: () => {} };
  const directory = privateDirectory();
  const file = join(directory, 'p');
  try {
    writeFileSync(file, password.reveal(), { mode: 0o600 });
    const descriptor = openSync(file, 'r');
    return { path: `/dev/fd/${position}`, descriptor, close: () => closeSync(descriptor) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** In memory where the system has such a place. */
function privateDirectory(): string {
  try {
    return mkdtempSync('/dev/shm/socle-');
  } catch {
    return mkdtempSync(join(tmpdir(), 'socle-'));
  }
}
