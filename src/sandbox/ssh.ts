import { join } from 'node:path';
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
    ['ConnectTimeout', '5'],
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
