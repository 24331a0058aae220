import { join } from 'node:path';
import { run } from '../kernel/process.ts';
import { addresses } from './names.ts';
import { inside } from './network.ts';
import { directoryOf, type MachineRecord } from './store.ts';

/** The ssh command of the operator, from the operator's own namespace, with the machine's known host key. */
export function sshCommand(machine: MachineRecord, command: readonly string[] = []): readonly [string, ...string[]] {
  const at = (file: string) => join(directoryOf(machine.name), file);
  const options = [
    ['IdentityFile', at('operator-key')],
    ['IdentitiesOnly', 'yes'],
    ['UserKnownHostsFile', at('known_hosts')],
    ['StrictHostKeyChecking', 'yes'],
    // An emulated sshd may take a while to say its name.
    ['ConnectTimeout', machine.driver === 'qemu' ? '60' : '5'],
    ['LogLevel', 'ERROR'],
  ].flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return inside(
    machine.namespaces.operator,
    'ssh',
    '-F',
    'none',
    ...options,
    `debian@${addresses.host.v4}`,
    ...command,
  );
}

/** What `socle up` and others are told to log in with: the operator's key, and the host key that the machine really has. */
export async function socleLogin({ name }: Pick<MachineRecord, 'name'>): Promise<string[]> {
  const [, print = ''] = (await run('ssh-keygen', ['-lf', join(directoryOf(name), 'known_hosts')])).stdout.split(' ');
  return ['--identity', join(directoryOf(name), 'operator-key'), '--host-key', print];
}
