/**
 * Wall-clock times of a time zone and the moments at which they are. Both are milliseconds: a moment since 1970 in UTC,
 * a wall time as if its clock showed UTC.
 */
export type Moments =
  | { readonly kind: 'once'; readonly at: number }
  /** The clock was set back: it shows this time at two moments. */
  | { readonly kind: 'twice'; readonly first: number; readonly second: number }
  /** The clock was set forward over this time, by `shift`; `end` is the first moment after it. */
  | { readonly kind: 'never'; readonly end: number; readonly shift: number };

const hour = 3_600_000;
/** No zone is further from UTC, and no two changes of a zone are this close to each other. */
const reach = 16 * hour;
const grid = 6 * hour;

const around = (at: number): [from: number, to: number] => [
  Math.floor((at - reach) / grid) * grid,
  Math.ceil((at + reach) / grid) * grid,
];

/** One time zone, by the data of Node itself. */
export class Zone {
  readonly #format: Intl.DateTimeFormat;
  /** Offsets at every sixth hour: nearly all questions are answered by these. */
  readonly #known = new Map<number, number>();

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** How far the wall clock is ahead of UTC at a moment. */
  offset(at: number): number {
    const whole = Math.floor(at / 1_000) * 1_000;
    const part = Object.fromEntries(this.#format.formatToParts(whole).map(({ type, value }) => [type, value]));
    const [year, ...rest] = [part.year, part.month, part.day, part.hour, part.minute, part.second].map(Number);
    const [month = 1, day = 1, hours = 0, minutes = 0, seconds = 0] = rest;
    return Date.UTC(year ?? 0, month - 1, day, hours, minutes, seconds) - whole;
  }

  #offsetAtGrid(at: number): number {
    const known = this.#known.get(at);
    if (known !== undefined) return known;
    if (this.#known.size > 4_096) this.#known.clear();
    const found = this.offset(at);
    this.#known.set(at, found);
    return found;
  }

  /** Does the offset change within sixteen hours of a moment? It may say yes for one that is a few hours further. */
  changesNear(at: number): boolean {
    const [from, to] = around(at);
    return this.#offsetAtGrid(from) !== this.#offsetAtGrid(to);
  }

  /** When the wall clock shows this time. */
  moments(wall: number): Moments {
    const [from, to] = around(wall);
    const [before, after] = [this.#offsetAtGrid(from), this.#offsetAtGrid(to)];
    if (before === after) return { kind: 'once', at: wall - before };
    const found = [before, after].map((offset) => wall - offset).filter((at) => this.offset(at) === wall - at);
    const [one, other] = found;
    if (one === undefined) return { kind: 'never', end: this.#change(from, to), shift: after - before };
    if (other === undefined) return { kind: 'once', at: one };
    return { kind: 'twice', first: Math.min(one, other), second: Math.max(one, other) };
  }

  /** The moment, to the second, of the change of offset between two moments. */
  #change(from: number, to: number): number {
    const before = this.offset(from);
    let [low, high] = [from, to];
    while (high - low > 1_000) {
      const middle = Math.floor((low + high) / 2_000) * 1_000;
      if (this.offset(middle) === before) low = middle;
      else high = middle;
    }
    return high;
  }
}
