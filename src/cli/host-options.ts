import { accessSync, constants } from 'node:fs';
import type { Connection } from '../host/connect.ts';
import { fail } from '../kernel/errors.ts';
import { fingerprintForm } from '../platform/schema-host.ts';
import type { Spec } from './options.ts';
import type { Session } from './session.ts';

// Both are looked at before the network: ssh would say of a key that is not there that the host refuses it.
export const identity: Spec<string | undefined> = {
  flags: '--identity <file>',
  description: 'SSH key to log in with (default: those of ssh and its agent)',
  parse(file) {
    try {
      accessSync(file, constants.R_OK);
      return file;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw fail('usage', `the SSH key ${file} cannot be read (${code ?? 'unknown'})`, {
        next: 'name the file of a private key; without --identity those of ssh and its agent are used',
      });
    }
  },
};
export const hostKey: Spec<string | undefined> = {
  flags: '--host-key <fingerprint>',
  description: 'what the host’s SSH key has to be at first contact: SHA256:…',
  parse(text) {
    if (fingerprintForm.test(text)) return text;
    throw fail('usage', `${text} is not a fingerprint such as \`ssh-keygen -lf\` prints: SHA256:…`, {
      next: 'copy it from the provider’s console: SHA256: and 43 characters',
    });
  },
};

/** The host of the platform file, over SSH. */
export async function connect(
  session: Session,
  values: { readonly identity: string | undefined; readonly hostKey: string | undefined },
): Promise<Connection> {
  const { connectHost } = await import('../host/connect.ts');
  return connectHost(await session.platform(), {
    ...values,
    confirm: (question) => session.confirm(question),
    progress: session.progress,
    signal: session.signal,
  });
}
