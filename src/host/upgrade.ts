import { fail, SocleError } from '../kernel/errors.ts';
import type { Connection } from './connect.ts';
import type { RunRecord } from './records.ts';
import { execAsRoot } from './ssh.ts';
import { type UpOptions, up } from './up.ts';

export interface Upgraded {
  /** Releases, by their ids; equal when the host had this one already. */
  readonly from: string;
  readonly to: string;
  readonly record: RunRecord;
}

/** What the host says of a release that it took back. */
const takenBack = 'did not come to answer';

/**
 * Brings this release to a host whose daemon runs another one. The host copies the state, starts the new daemon and
 * waits until it answers `/readyz`; when it does not, release, platform file and state from before come back.
 * @throws `domain-needs-another` when no daemon is there yet; `upgrade-rolled-back`; and as `up` does
 */
export async function upgrade(connection: Connection, options: Pick<UpOptions, 'file' | 'actor'>): Promise<Upgraded> {
  const from = await currentRelease(connection);
  if (from === null)
    throw fail('domain-needs-another', 'there is no daemon on the host yet', { next: 'run `socle up`' });
  try {
    const wanted = { ...options, only: ['ops'], check: false, mirror: undefined, vpnWait: 0 } as const;
    const { record } = await up(connection, wanted);
    return { from, to: (await currentRelease(connection)) ?? '', record };
  } catch (error) {
    const output = error instanceof SocleError && error.code === 'run-failed' ? String(error.details.output) : '';
    if (!output.includes(takenBack)) throw error;
    throw fail('upgrade-rolled-back', `the daemon of this release did not come to answer; ${from} is back`, { output });
  }
}

async function currentRelease({ target, way, signal }: Connection): Promise<string | null> {
  const script = 'readlink /opt/socle/current || true';
  const { stdout } = await execAsRoot(target, way, script, { timeout: 30_000, signal });
  return /^releases\/(.+)$/m.exec(stdout)?.[1] ?? null;
}
