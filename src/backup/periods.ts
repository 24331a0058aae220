/** Calendar periods in a time zone, as keys: two moments with the same key lie in the same period. */
export interface Periods {
  readonly hourly: string;
  readonly daily: string;
  /** ISO 8601 week: it begins on Monday, and belongs to the year of its Thursday. */
  readonly weekly: string;
  readonly monthly: string;
  readonly yearly: string;
}

/**
 * A function that names the periods of a moment. The hour carries its offset from UTC: the hour that a clock change
 * repeats is two hours.
 * @param timeZone IANA name
 */
export function periodsIn(timeZone: string): (moment: Date) => Periods {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    timeZoneName: 'longOffset',
  });
  return (moment) => {
    const parts = new Map(format.formatToParts(moment).map(({ type, value }) => [type, value]));
    const [year = '', month = '', day = '', hour = '', zone = ''] = [
      'year',
      'month',
      'day',
      'hour',
      'timeZoneName',
    ].map((type) => parts.get(type as Intl.DateTimeFormatPartTypes));
    return {
      hourly: `${year}-${month}-${day} ${hour}h ${zone}`,
      daily: `${year}-${month}-${day}`,
      weekly: isoWeek(Number(year), Number(month), Number(day)),
      monthly: `${year}-${month}`,
      yearly: year,
    };
  };
}

const day = 86_400_000;

function isoWeek(year: number, month: number, date: number): string {
  const midnight = Date.UTC(year, month - 1, date);
  const weekday = (new Date(midnight).getUTCDay() + 6) % 7;
  const thursday = midnight + (3 - weekday) * day;
  const weekYear = new Date(thursday).getUTCFullYear();
  const week = 1 + Math.floor((thursday - Date.UTC(weekYear, 0, 1)) / (7 * day));
  return `${weekYear}-W${String(week).padStart(2, '0')}`;
}
