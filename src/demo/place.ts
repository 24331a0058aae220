import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, ownIdentity, type ProcessIdentity } from '../kernel/process-identity.ts';
import { temporaryRoot } from '../kernel/surroundings.ts';

/** A directory of ours that is gone when we are, however we end. */
export interface Place {
  readonly directory: string;
  remove(): Promise<void>;
}

/**
 * Makes a directory `<prefix>xxxxxx`, and removes those of processes that were killed before they could. It goes with
 * `remove`, at the latest when this process exits.
 */
export async function makePlace(prefix: string, root = temporaryRoot()): Promise<Place> {
  removeLeftovers(prefix, root);
  const directory = mkdtempSync(join(root, prefix));
  writeFileSync(join(directory, 'owner.json'), JSON.stringify(ownIdentity()), { mode: 0o600 });
  // A server of ours that runs as another user has to pass through; everything in here is closed by itself.
  await chmod(directory, 0o711);
  const atExit = () => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  process.once('exit', atExit);
  return {
    directory,
    async remove() {
      await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
      process.off('exit', atExit);
    },
  };
}

/** Their processes ended with the process that owned them: what is left is files. */
function removeLeftovers(prefix: string, root: string): void {
  for (const name of readdirSync(root).filter((entry) => entry.startsWith(prefix))) {
    const directory = join(root, name);
    try {
      const owner = JSON.parse(readFileSync(join(directory, 'owner.json'), 'utf8')) as ProcessIdentity;
      if (!isAlive(owner)) rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
    } catch {
      // Another user's, or one that is being made or removed right now.
    }
  }
}
