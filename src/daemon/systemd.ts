import type { Log } from '../kernel/log.ts';
import { run } from '../kernel/process.ts';
import type { Pulses } from './pulse.ts';

/** Milliseconds that telling may take where nothing else says it. */
const patience = 5_000;

/** sd_notify(3) by its program: Node has no datagram sockets. Without NOTIFY_SOCKET nothing happens. */
async function notify(states: readonly string[], timeout: number): Promise<void> {
  const { NOTIFY_SOCKET } = process.env;
  if (!NOTIFY_SOCKET) return;
  await run('systemd-notify', [`--pid=${process.pid}`, ...states], { env: { NOTIFY_SOCKET }, timeout });
}

export interface ServiceManager {
  ready(): void;
  stopping(): Promise<void>;
}

/**
 * Tells systemd that we are ready, alive and stopping. Needs `NotifyAccess=all`. On a busy host it takes seconds to start a
 * program, and whoever is alive must not be killed for that: a third of WATCHDOG_USEC lies between one telling and the next,
 * and each may take half of it.
 */
export function serviceManager(log: Log, pulses: Pulses): ServiceManager {
  const watchdogMs = Number(process.env.WATCHDOG_USEC ?? 0) / 1_000;
  const tell = (state: string, timeout = patience) =>
    notify([state], timeout).catch((error: Error) => log.warn({ reason: error.message }, 'systemd could not be told'));
  return {
    ready() {
      // How long a start may take is the unit's to say.
      void tell('--ready', 60_000);
      const limit = Math.max(patience, watchdogMs / 2);
      if (watchdogMs <= 0) return;
      const work = () => notify(['WATCHDOG=1'], limit);
      pulses.add({ name: 'watchdog', everyMs: watchdogMs / 3, deadlineMs: 2 * limit, work });
    },
    async stopping() {
      await tell('STOPPING=1');
    },
  };
}
