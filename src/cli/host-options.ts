import type { Connection } from '../host/connect.ts';
import { text } from './options.ts';
import type { Session } from './session.ts';

export const identity = text('--identity <file>', 'SSH key to log in with (default: those of ssh and its agent)');
export const hostKey = text('--host-key <fingerprint>', 'what the host’s SSH key has to be at first contact: SHA256:…');

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
