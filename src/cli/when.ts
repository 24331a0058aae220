/** Writes a moment (ISO 8601) for a person: the date, the time to the second, and the offset from UTC that held then. */
export type When = (iso: string) => string;

/**
 * Moments in one time zone, such as `2026-11-22 03:15:00 +01:00`; `UTC` instead of an offset of zero. The offset and not
 * a zone's abbreviation: that is not unique, and the hour that a clock change repeats needs it.
 */
export function whenIn(timeZone: string): When {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
  return (iso) => {
    const part = Object.fromEntries(format.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]));
    const offset = part.timeZoneName?.replace(/^GMT(\+00:00)?/, '') || 'UTC';
    return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second} ${offset}`;
  };
}
