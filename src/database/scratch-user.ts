import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { usersWithProcesses } from './scratch-processes.ts';

/** The user that a sandbox runs as. */
export interface ScratchUser {
  readonly uid: number;
  readonly gid: number;
}

/** systemd keeps these numbers for users that exist while a service runs (DynamicUser, systemd.exec(5)). */
const range = { first: 61_184, last: 65_519 } as const;

/** Free when no process, no account, no service of systemd's and no scratch directory has the number. */
function isFree(uid: number, taken: ReadonlySet<number>, accounts: string): boolean {
  if (taken.has(uid)) return false;
  if (existsSync(`/run/systemd/dynamic-uid/${uid}`)) return false;
  return !accounts.split('\n').some((line) => line.split(':')[2] === String(uid));
}

/**
 * A user of its own for a scratch server, so that what runs there owns nothing on this machine and cannot signal
 * anybody. Only root can hand out users: for all others it is the caller's own.
 * @param root directory of the scratch servers, whose users are taken too
 */
export function scratchUser(root: string): ScratchUser {
  const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  if (own.uid !== 0) return own;
  const taken = usersWithProcesses();
  for (const entry of readdirSync(root)) {
    const data = join(root, entry, 'data');
    if (existsSync(data)) taken.add(statSync(data).uid);
  }
  const accounts = readFileSync('/etc/passwd', 'utf8') + readFileSync('/etc/group', 'utf8');
  const size = range.last - range.first + 1;
  const offset = randomInt(size);
  for (let step = 0; step < size; step += 1) {
    const uid = range.first + ((offset + step) % size);
    if (isFree(uid, taken, accounts)) return { uid, gid: uid };
  }
  throw new Error('every user number of the dynamic range is taken');
}
