import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { fail } from '../kernel/errors.ts';
import type { Source } from './source.ts';
import { readHeader } from './source.ts';

/** Where root's one-shot unit answers on the host: whoever may connect gets a copy, and can ask for nothing else. */
const datastoreSocket = '/run/socle-datastore.sock';

/** The datastore of this machine; undefined where there is no such unit, or it is not for this user. */
export function socketSource(path: string = datastoreSocket): Source | undefined {
  if (!existsSync(path)) return undefined;
  return {
    async open(signal) {
      const socket = connect({ path, ...(signal && { signal }) });
      const done = new Promise<void>((resolve, reject) => {
        socket.once('end', resolve);
        socket.once('error', (error: NodeJS.ErrnoException) =>
          reject(
            signal?.aborted
              ? fail('interrupted', 'the copy of the datastore was interrupted')
              : fail('copy-incomplete', `the copy of the datastore did not come (${error.code ?? error.message})`),
          ),
        );
      });
      done.catch(() => {});
      const { header, body } = await readHeader(socket).catch(async (error: unknown) => {
        await done;
        throw error;
      });
      return { header, body, done };
    },
  };
}
