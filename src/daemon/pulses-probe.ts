import type { Probe } from '../observability/probe-board.ts';
import type { PulseState } from './pulse.ts';

/** The loops of the daemon as a component: which of them fail, since when, and why. */
export function pulsesProbe(list: () => readonly PulseState[]): Probe {
  return {
    name: 'daemon',
    everyMs: 5_000,
    timeoutMs: 5_000,
    check() {
      const pulses = list();
      const bad = pulses.flatMap(({ name, failing }) =>
        failing === null ? [] : [`${name} fails since ${failing.since}: ${failing.reason}`],
      );
      const measured = { loops: pulses.length, failing: bad.length };
      if (bad.length === 0) return { status: 'pass', detail: `all ${pulses.length} loops go well`, measured };
      return { status: 'warn', detail: bad.join('; '), measured };
    },
  };
}
