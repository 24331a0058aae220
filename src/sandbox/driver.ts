import type { Progress } from '../kernel/progress.ts';
import type { DebianRelease, DriverName } from './names.ts';
import type { Namespaces } from './network.ts';
import { nspawn } from './nspawn.ts';
import { qemu } from './qemu.ts';

/** A throw-away machine that is to run. */
export interface Machine {
  readonly name: string;
  readonly release: DebianRelease;
  readonly driver: DriverName;
  /** Everything of this machine: its seed (`upper`), its keys, its console's log, and what its driver puts there. */
  readonly directory: string;
  readonly image: string;
  /** A K3s is to run in it. */
  readonly kubernetes: boolean;
  /** What its clock says when it is first switched on (`2020-01-01T00:00:00`), where it has one of its own. */
  readonly clock?: string | undefined;
}

/** How a run of a machine ended. */
export type Ending = 'rebooted' | 'off';

/**
 * A way to run a throw-away machine. Whatever it starts ends with the process that started it, also by `kill -9`, and then
 * nothing of it is left but files in the machine's directory.
 */
export interface Driver {
  /** Programs that it runs, and their Debian packages. */
  readonly tools: Readonly<Record<string, string>>;
  /** How the machine hangs on the bridge: a namespace of ours with an interface in it, or a tap that the machine opens. */
  readonly port: 'veth' | 'tap';
  /** Milliseconds within which a machine answers over ssh. */
  patience(): Promise<number>;
  /** What machines start from, made once and kept. @throws `tool-missing`, `command-failed` */
  image(release: DebianRelease, progress: Progress, signal?: AbortSignal): Promise<string>;
  /** Makes of the seed in the machine's directory what its first boot needs. */
  prepare(machine: Machine): Promise<void>;
  /** Runs the machine until it reboots, powers off, or `signal` aborts. Called again after a reboot. */
  run(machine: Machine, namespaces: Namespaces, signal: AbortSignal): Promise<Ending>;
}

export const drivers: Readonly<Record<DriverName, Driver>> = { nspawn, qemu };
