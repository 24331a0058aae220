import { type LeafValue, Timestamp } from './leaf.ts';

/** An integer that Go reads as unsigned: SOPS refuses it. */
export const tooLarge = Symbol('an integer from 2^63 to 2^64-1');

/** Go's `FormatFloat(value, 'f', -1, 64)`: shortest digits, never an exponent. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = '', first = '', rest = '', exponent = '0'] = match;
  const digits = first + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}

/** The other way: Go's `ParseFloat` of what `formatFloat` writes; undefined for anything else. */
export function parseFloatText(text: string): number | undefined {
  const special: Record<string, number> = { NaN: Number.NaN, '+Inf': Infinity, '-Inf': -Infinity, Inf: Infinity };
  if (text in special) return special[text];
  const value = /^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

const smallest = -(2n ** 63n);
const largest = 2n ** 63n - 1n;
const largestUnsigned = 2n ** 64n - 1n;

/** Go's `int`: undefined when the text is none, or out of its range. */
export function parseInt64(text: string): bigint | undefined {
  if (!/^[-+]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ''));
  return value >= smallest && value <= largest ? value : undefined;
}

/** Go's `ParseInt(text, 0, 64)`, else `ParseUint`: prefixes 0x, 0o, 0b, and a leading 0 for octal. */
function integer(text: string): bigint | typeof tooLarge | undefined {
  const match = /^([-+]?)(?:(0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)|0([0-7]+)|(0|[1-9]\d*))$/.exec(text);
  if (!match) return undefined;
  const [, sign = '', prefixed, octal, decimal] = match;
  const magnitude = BigInt(prefixed ?? (octal === undefined ? (decimal ?? '0') : `0o${octal}`));
  const value = sign === '-' ? -magnitude : magnitude;
  if (value >= smallest && value <= largest) return value;
  return sign === '' && value <= largestUnsigned ? tooLarge : undefined;
}

const date = String.raw`(\d{4})-(\d{1,2})-(\d{1,2})`;
const time = String.raw`(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d+))?`;
const timestampForms = [
  new RegExp(`^${date}[Tt]${time}(Z|[-+]\\d\\d:\\d\\d)$`),
  new RegExp(`^${date} ${time}$`),
  new RegExp(`^${date}$`),
];

/** yaml.v3's `parseTimestamp`, written as Go's `time.Time.MarshalText` does. */
export function timestamp(text: string): Timestamp | undefined {
  const match = timestampForms.map((form) => form.exec(text)).find((found) => found !== null);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((n) => Number(n ?? 0));
  const days = new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day < 1 || day > days || hour > 23 || minute > 59 || second > 59) return undefined;
  const zone = match[8] ?? 'Z';
  if (zone !== 'Z' && (Number(zone.slice(1, 3)) > 23 || Number(zone.slice(4)) > 59)) return undefined;
  const fraction = (match[7] ?? '').slice(0, 9).replace(/0+$/, '');
  const two = (n: number) => String(n).padStart(2, '0');
  const clock = `${two(hour)}:${two(minute)}:${two(second)}${fraction === '' ? '' : `.${fraction}`}`;
  const offset = /^[-+]00:00$/.test(zone) ? 'Z' : zone;
  return new Timestamp(`${match[1]}-${two(month)}-${two(day)}T${clock}${offset}`);
}

const fixed = new Map<string, boolean | number | null>([
  ...['true', 'True', 'TRUE'].map((text) => [text, true] as const),
  ...['false', 'False', 'FALSE'].map((text) => [text, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((text) => [text, null] as const),
  ...['.nan', '.NaN', '.NAN'].map((text) => [text, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((text) => [text, Infinity] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((text) => [text, -Infinity] as const),
]);

/**
 * What a plain YAML scalar is to Go (`resolve.go` of go.yaml.in/yaml/v3, which SOPS and Flux read with): neither
 * YAML 1.1 nor 1.2. `010` is 8, `1_000` is 1000, `08` is a float, `yes` and `1:30` are texts, `1e400` is a text.
 */
export function resolvePlain(text: string): Exclude<LeafValue, object> | Timestamp | null | typeof tooLarge {
  const known = fixed.get(text);
  if (known !== undefined) return known;
  if (/^\./.test(text)) return /^\.\d+([eE][-+]?\d+)?$/.test(text) ? finite(text) : text;
  if (!/^[-+\d]/.test(text)) return text;
  const when = timestamp(text);
  if (when) return when;
  const plain = text.replaceAll('_', '');
  const whole = integer(plain);
  if (whole !== undefined) return whole;
  return /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/.test(plain) ? finite(plain, text) : text;
}

/** Go takes a number that a float cannot hold for a text. */
function finite(number: string, text: string = number): number | string {
  const value = Number(number);
  return Number.isFinite(value) ? value : text;
}
