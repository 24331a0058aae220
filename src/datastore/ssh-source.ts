import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Connection } from '../host/connect.ts';
import { sshFailure, startAsRoot } from '../host/ssh.ts';
import { fail } from '../kernel/errors.ts';
import { lastLines } from '../kernel/process.ts';
import { readHeader, type Source } from './source.ts';

const absent = 66;

/** The program that copies, as it lies in this release: the host need not have it. */
export const datastoreProgram = (): Promise<string> =>
  readFile(fileURLToPath(new URL('../../ansible/host/datastore', import.meta.url)), 'utf8');

/** The datastore of the host, over SSH. */
export function sshSource({ target, way }: Pick<Connection, 'target' | 'way'>): Source {
  return {
    async open(signal) {
      const child = startAsRoot(target, way, 'exec python3 -c "$2" print', [await datastoreProgram()], signal);
      let stderr = '';
      child.stderr?.on('data', (chunk) => {
        stderr = lastLines(`${stderr}${chunk}`);
      });
      const done = child.ended.then(({ exitCode, aborted }) => {
        if (aborted) throw fail('interrupted', 'the copy of the datastore was interrupted');
        if (exitCode === absent)
          throw fail('not-found', stderr, { next: 'run `socle up` with a `cluster` section first' });
        if (exitCode !== 0) throw sshFailure(target, way, { exitCode, stderr, stdout: '' });
      });
      done.catch(() => {});
      if (!child.stdout) throw fail('internal', 'ssh has no standard output');
      const copy = await readHeader(child.stdout).catch(async (error: unknown) => {
        await done;
        throw error;
      });
      return { ...copy, done };
    },
  };
}
