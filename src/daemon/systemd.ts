import type { Log } from '../kernel/log.ts';
import { run } from '../kernel/process.ts';
import { type Pulse, pulse } from './pulse.ts';

/** sd_notify(3) by its program: Node has no datagram sockets. Without NOTIFY_SOCKET nothing happens. */
async function notify(...states: readonly string[]): Promise<void> {
  const { NOTIFY_SOCKET } = process.env;
  if (!NOTIFY_SOCKET) return;
  await run('systemd-notify', [`--pid=${process.pid}`, ...states], { env: { NOTIFY_SOCKET }, timeout: 5_000 });
}

export interface ServiceManager {
  ready(): void;
  stopping(): Promise<void>;
}

/** Tells systemd that we are ready, alive (half of WATCHDOG_USEC apart) and stopping. Needs `NotifyAccess=all`. */
export function serviceManager(log: Log): ServiceManager {
  const watchdogMs = Number(process.env.WATCHDOG_USEC ?? 0) / 1_000;
  let alive: Pulse | undefined;
  const tell = (...states: readonly string[]) =>
    notify(...states).catch((error: Error) => log.warn({ reason: error.message }, 'systemd could not be told'));
  return {
    ready() {
      void tell('--ready');
      if (watchdogMs > 0) alive = pulse('the watchdog', watchdogMs / 2, log, () => notify('WATCHDOG=1'));
    },
    async stopping() {
      await alive?.stop();
      await tell('STOPPING=1');
    },
  };
}
