import { debugging, stackOf } from '../kernel/debug.ts';
import type { Log } from '../kernel/log.ts';

/** Work that is repeated in the background, and never beside itself. */
export interface Pulse {
  /** Runs now, unless it is running. */
  now(): void;
  /** Ends the repetition; resolves when the work under way has ended. */
  stop(): Promise<void>;
}

/** Repeats `work`, first at once, then `everyMs` after each end. What it throws is logged, once per reason. */
export function pulse(name: string, everyMs: number, log: Log, work: () => void | Promise<void>): Pulse {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | null = null;
  let stopped = false;
  let lastReason = '';
  const now = () => {
    if (running !== null || stopped) return;
    clearTimeout(timer);
    running = (async () => work())()
      .then(() => {
        lastReason = '';
      })
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== lastReason)
          log.error({ reason, ...(debugging() ? { stack: stackOf(error) } : {}) }, `${name} failed; trying again`);
        lastReason = reason;
      })
      .then(() => {
        running = null;
        if (!stopped) timer = setTimeout(now, everyMs);
      });
  };
  now();
  return {
    now,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
