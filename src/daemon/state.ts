import { accessSync, constants, mkdirSync, statfsSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { fail, SocleError } from '../kernel/errors.ts';
import { acquireLock, type Lock } from '../kernel/lock.ts';
import { statePaths } from '../platform/paths.ts';
import type { Platform } from '../platform/schema.ts';
import { openPlatformState } from '../platform/state.ts';

/** Below this nothing can be recorded, and work that leaves no record must not start. */
const leastBytes = 8 * 2 ** 20;

/**
 * The state database, held by one daemon alone.
 * @throws `state-unusable`, saying which directory and why; `state-of-another` when it belongs to another platform; `busy`
 * when another daemon runs on it
 */
export function openState(platform: Platform): { db: DatabaseSync; lock: Lock } {
  const paths = statePaths(platform);
  try {
    mkdirSync(paths.root, { recursive: true, mode: 0o700 });
    accessSync(paths.root, constants.R_OK | constants.W_OK | constants.X_OK);
    const { bavail, bsize } = statfsSync(paths.root);
    if (bavail * bsize < leastBytes) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw fail('state-unusable', `${paths.root} cannot be used: ${code ?? message}`, { directory: paths.root }, error);
  }
  let db: DatabaseSync;
  try {
    db = openPlatformState(platform);
    // The daemon answers requests on the same thread: it rather fails and tries again than waits for another writer.
    db.exec('PRAGMA busy_timeout = 2000');
  } catch (error) {
    if (error instanceof SocleError) throw error;
    const { message } = error as Error;
    throw fail('state-unusable', `${paths.database} could not be opened: ${message}`, { file: paths.database }, error);
  }
  try {
    return { db, lock: acquireLock(db, 'the daemon') };
  } catch (error) {
    db.close();
    if (!(error instanceof SocleError) || error.code !== 'busy') throw error;
    const next = 'one daemon serves a platform: stop that one first, or give this platform another `ops.state`';
    throw fail('busy', error.message, { ...error.details, next });
  }
}
