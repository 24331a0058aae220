import { Cron } from 'croner';
import { Zone } from './zone.ts';

const hour = 3_600_000;

/** cron(8) of Debian: a clock that changes by more than this was corrected, and the new time counts at once. */
const longestChange = 3 * hour;
/** Looked at before a moment near a change of the clock, so that what the change did just before is known. */
const lookBack = 2 * longestChange;

const zones = new Map<string, Zone>();

function zoneOf(name: string): Zone {
  const zone = zones.get(name) ?? new Zone(name);
  zones.set(name, zone);
  return zone;
}

/** Wall times are looked for without any zone: its changes are dealt with here. */
const wallTimes = (expression: string) => new Cron(expression, { utcOffset: 0, mode: '5-part', paused: true });

/** Does it run in every hour of a day? Such a schedule is one of intervals; any other is one of fixed times. */
function runsEveryHour(expression: string): boolean {
  const [, hours] = expression.trim().split(/\s+/);
  if (hours === undefined) return expression.trim().toLowerCase() === '@hourly';
  const found = wallTimes(`0 ${hours} * * *`).nextRuns(24, new Date(Date.UTC(2024, 0, 1) - 1));
  return found.length === 24 && found.every((at, index) => at.getTime() === Date.UTC(2024, 0, 1, index));
}

interface Parsed {
  readonly cron: Cron;
  readonly interval: boolean;
}

const parsed = new Map<string, Parsed>();

function parse(expression: string): Parsed {
  const known = parsed.get(expression);
  if (known) return known;
  if (parsed.size > 256) parsed.clear();
  const made = { cron: wallTimes(expression), interval: runsEveryHour(expression) };
  parsed.set(expression, made);
  return made;
}

interface Candidate {
  readonly at: number;
  /** Milliseconds that have to lie between it and the one before; for those that a change of the clock adds. */
  readonly least: number;
}

/**
 * The moments of a cron expression in a time zone after `after`, in order, without end where there is none.
 *
 * Fixed times (the hour field leaves out an hour: `30 2 * * *`, `0 0-23/2 * * *`): each wall time runs once. One that the clock
 * is set forward over runs at the first moment after it, several of them once; one that it shows twice runs the first time.
 * Intervals (every hour: `0 * * * *`, `0-59/5 * * * *`): real time counts. In an hour that comes twice they run twice, in one
 * that is left out not at all, but never sooner than the time that lies between two runs on any other day.
 * A clock that changes by more than three hours (a zone that leaves out a day) is corrected, as in Debian's cron: what it
 * leaves out does not run.
 */
export function* occurrences(expression: string, timeZone: string, after: Date): Generator<Date, undefined> {
  const zone = zoneOf(timeZone);
  const { cron, interval } = parse(expression);
  const start = after.getTime();
  const from = start + zone.offset(start) - (zone.changesNear(start) ? lookBack : 0);
  /** Second moments of times that the clock shows twice: they come after all first ones. */
  let again: Candidate[] = [];
  let last = Number.NEGATIVE_INFINITY;

  function* take(candidates: readonly Candidate[]): Generator<Date> {
    for (const { at, least } of candidates) {
      if (at <= last || at - last < least) continue;
      last = at;
      if (at > start) yield new Date(at);
    }
  }

  let before: number | null = null;
  for (let next = cron.nextRun(new Date(from)); next !== null; next = cron.nextRun(next)) {
    const wall = next.getTime();
    const moments = zone.moments(wall);
    const least: number = interval ? (before === null ? Number.POSITIVE_INFINITY : wall - before) : 0;
    before = wall;
    if (moments.kind === 'never') {
      if (moments.shift <= longestChange) yield* take([{ at: moments.end, least }]);
      continue;
    }
    const at = moments.kind === 'once' ? moments.at : moments.first;
    const [due, later]: [Candidate[], Candidate[]] = [[], []];
    for (const one of again) (one.at < at ? due : later).push(one);
    again = later;
    yield* take([...due, { at, least: 0 }]);
    if (moments.kind === 'twice' && (interval || moments.second - moments.first > longestChange)) {
      again.push({ at: moments.second, least });
    }
  }
  yield* take(again);
  return undefined;
}
