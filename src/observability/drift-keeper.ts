import { type Drift, type DriftReport, judgeDrift, readDriftReport } from '../host/drift-report.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Probe } from './probe-board.ts';
import type { Outcome } from './schema.ts';

/** The newest comparison of the host with its last run, as it was last read from its file. */
export class DriftKeeper {
  readonly #everyMs: number;
  readonly #clock: Clock;
  readonly #file: string | undefined;
  #report: DriftReport | null = null;

  constructor(everyMs: number, clock: Clock, file?: string) {
    this.#everyMs = everyMs;
    this.#clock = clock;
    this.#file = file;
  }

  /** Judged by the time that it is now: a report grows too old by itself. */
  current(): Drift {
    return judgeDrift(this.#report, this.#everyMs, this.#clock.now());
  }

  async refresh(): Promise<Drift> {
    this.#report = await readDriftReport(this.#file);
    return this.current();
  }
}

/** A host that differs is a warning; one of which nobody knows is a failure. */
const outcomes: Readonly<Record<Drift['state'], Outcome>> = {
  ok: 'pass',
  drift: 'warn',
  failing: 'fail',
  overdue: 'fail',
  'never compared': 'fail',
};

/** The comparison as a component. */
export function driftProbe(keeper: DriftKeeper): Probe {
  return {
    name: 'drift',
    everyMs: 30_000,
    timeoutMs: 5_000,
    async check() {
      const { state, detail, report } = await keeper.refresh();
      const measured = report ? { deviations: report.deviations.length } : {};
      return { status: outcomes[state], detail, measured };
    },
  };
}
