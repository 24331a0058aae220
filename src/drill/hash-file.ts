import { Worker } from 'node:worker_threads';
import { fail } from '../kernel/errors.ts';
import { ownModule } from '../kernel/place.ts';
import type { HashedFile, HashRequest } from './hash-thread.ts';

/**
 * Hashes a file in a thread of the lowest priority: what is done with the file meanwhile comes first.
 * @throws `interrupted`, and what reading the file says
 */
export async function hashFile(path: string, signal?: AbortSignal): Promise<HashedFile> {
  const thread = new Worker(ownModule('drill/hash-thread'), {
    workerData: { path } satisfies HashRequest,
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  });
  const stop = () => void thread.terminate();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    return await new Promise<HashedFile>((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
      thread.once('exit', () => reject(fail('interrupted', 'the hashing of the archive was interrupted')));
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    await thread.terminate();
  }
}
