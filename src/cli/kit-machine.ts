import type { Connection } from '../host/connect.ts';
import { daemonElsewhere } from '../host/elsewhere.ts';
import type { KitMachine } from '../recovery/machine.ts';
import type { KitStatus } from '../recovery/store.ts';
import { connect } from './host-options.ts';
import type { Session } from './session.ts';

interface Login {
  readonly identity: string | undefined;
  readonly hostKey: string | undefined;
}

/** The machine that backs up: the host, asked over SSH, where its daemon does; else this one. */
export const kitMachine = (session: Session, login: Login): Promise<KitMachine> =>
  kitMachineOf(session, () => connect(session, login));

/** The same, by a connection that may be there already. */
async function kitMachineOf(session: Session, connected: () => Promise<Connection>): Promise<KitMachine> {
  const platform = await session.platform();
  if (daemonElsewhere(platform, session.file()) === null) return machineHere(session);
  const [{ hostMachine }, { platformOfHost }] = await Promise.all([
    import('../recovery/host-machine.ts'),
    import('../host/ops-platform.ts'),
  ]);
  return hostMachine(await connected(), await platformOfHost(platform, session.file()));
}

export async function machineHere(session: Session): Promise<KitMachine> {
  const { thisMachine } = await import('../recovery/this-machine.ts');
  return thisMachine(await session.platform(), session.actor, await session.vaultDeps());
}

/** What the machine that backs up knows of the kit. Where that is this one, no vault is opened for it. */
export async function kitStatusOf(session: Session, connected: () => Promise<Connection>): Promise<KitStatus> {
  const platform = await session.platform();
  if (daemonElsewhere(platform, session.file()) !== null) return (await kitMachineOf(session, connected)).status();
  const { kitStatus } = await import('../recovery/store.ts');
  return kitStatus(await session.state(), platform);
}
