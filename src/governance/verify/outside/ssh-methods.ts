import { hostKeyAlias, type SshTarget, type Way } from '../../../host/ssh.ts';
import { run } from '../../../kernel/process.ts';

/** How the server lets each of these log in, as it answers to somebody who offers nothing: `publickey`, `password` … */
export type SshMethods = Readonly<Record<string, readonly string[]>>;

/** A user that no host has: what it is told is what anybody is told. */
export const nobody = 'socle-nobody';

/** @throws when a server does not say it */
export async function readSshMethods(target: SshTarget, way: Way, signal?: AbortSignal): Promise<SshMethods> {
  const users = [...new Set(['root', target.user, nobody])];
  const answers = await Promise.all(
    users.map(async (user) => [user, await methods(target, way, user, signal)] as const),
  );
  return Object.fromEntries(answers);
}

async function methods(target: SshTarget, way: Way, user: string, signal: AbortSignal | undefined) {
  const options = [
    'BatchMode=yes',
    'PreferredAuthentications=none',
    'StrictHostKeyChecking=yes',
    `HostKeyAlias=${hostKeyAlias(target.platform)}`,
    `UserKnownHostsFile=${target.knownHosts}`,
    'GlobalKnownHostsFile=/dev/null',
    'UpdateHostKeys=no',
    'ConnectTimeout=6',
  ].flatMap((option) => ['-o', option]);
  const args = ['-F', 'none', ...options, '-p', String(target.port), '-l', user, '--', way.address, 'true'];
  const { exitCode, stderr } = await run('ssh', args, { accept: [0, 255], timeout: 30_000, signal });
  if (exitCode === 0) return ['none'];
  const [, list] = /Permission denied \(([^)]*)\)/.exec(stderr) ?? [];
  if (list === undefined) throw new Error(`${way.address} did not say how ${user} may log in`);
  return list.split(',');
}
