import { run } from '../src/kernel/process.ts';
import { silent } from '../src/kernel/progress.ts';
import { bootMachine, removeMachine } from '../src/sandbox/machine.ts';
import { sshCommand } from '../src/sandbox/ssh.ts';
import type { MachineRecord } from '../src/sandbox/store.ts';

/**
 * Works on a fresh, throw-away Debian 13 that a K3s can run in. It has booted to the end and the disk is at rest; it is
 * removed when the work has ended, however that ended.
 * @throws as `bootMachine` does
 */
export async function onFreshMachine(
  name: string,
  signal: AbortSignal,
  work: (machine: MachineRecord) => Promise<void>,
): Promise<void> {
  const machine = await bootMachine({ name, release: 13, kubernetes: true }, silent, signal);
  try {
    await told(machine, 'systemctl is-system-running --wait || true', signal);
    await run('sync', []);
    await work(machine);
  } finally {
    await removeMachine(name);
  }
}

/** What a command prints that the machine's first user runs on it. */
export async function told(machine: MachineRecord, command: string, signal: AbortSignal): Promise<string> {
  const [file, ...args] = sshCommand(machine, [command]);
  return (await run(file, args, { signal })).stdout;
}
