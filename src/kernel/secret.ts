import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { fail } from './errors.ts';
import { run } from './process.ts';

const hidden = '[secret]';

/** A value that cannot be printed by accident: every inspect, string and JSON form of it is `[secret]`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Hand it to a child's environment, a file of mode 0600 or a socket, and to nothing else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return hidden;
  }

  toJSON(): string {
    return hidden;
  }

  [inspect.custom](): string {
    return hidden;
  }
}

/** Where a secret comes from: the first line of a file, or of what a command prints. */
export type SecretSource = { readonly file: string } | { readonly command: readonly string[] };

/** @throws `secret-unreadable`, naming the source and never what it held */
export async function readSecret(source: SecretSource, signal?: AbortSignal): Promise<Secret> {
  const from = 'file' in source ? source.file : source.command[0];
  try {
    const text =
      'file' in source
        ? await readFile(source.file, 'utf8')
        : (await run(source.command[0] ?? '', source.command.slice(1), { signal, env: process.env, sensitive: true }))
            .stdout;
    const line = text.split(/\r?\n/, 1)[0] ?? '';
    if (line === '') throw new Error('it is empty');
    return new Secret(line);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : 'unknown');
    throw fail('secret-unreadable', `the secret from ${from} could not be read (${reason})`, { source: from });
  }
}
