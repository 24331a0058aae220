import { resolvePlain } from '../go-scalar.ts';
import { type LeafValue, Timestamp } from '../leaf.ts';
import { unsupported } from '../refuse.ts';

/** Double quotes: JSON's escapes are YAML's, and what YAML readers would stumble over is escaped too. */
export const quoted = (text: string) =>
  JSON.stringify(text).replace(
    /[\u007f-\u00a0\u2028\u2029\ufeff\ufff0-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** Texts that every reader takes for what they are without quotes. */
const bare = /^[\p{L}_/][\p{L}\p{N}_./@+=%-]*(?: [\p{L}\p{N}_./@+=%()-]+)*$/u;
const reserved = /^(y|n|yes|no|on|off|true|false|null)$/i;

export function plainOrQuoted(text: string): string {
  return text.length < 1_000 && bare.test(text) && !reserved.test(text) && resolvePlain(text) === text
    ? text
    : quoted(text);
}

/** `ENC[…]` holds commas and brackets, which mean something inside `[ ]` and `{ }`. */
const sealed = (text: string) => /^ENC\[AES256_GCM,[\w:,=+/]+\]$/.test(text);

/** Lines that a literal block gives back unchanged. */
const blockable = (text: string) =>
  /\n./.test(text) && /^[^\s]/.test(text) && !/[^\n\x20-\x7E\u{A1}-\u{D7FF}]| $| \n|\n\n$/u.test(text);

export interface Surroundings {
  /** Columns of white space before the line's key. */
  readonly indent: string;
  readonly flow: boolean;
  /** Something follows on the line, such as a comment. */
  readonly followed: boolean;
}

/** A value so that Go reads the same value of the same type. @throws `secret-document-unsupported` */
export function yamlLiteral(
  value: LeafValue,
  { indent, flow, followed }: Surroundings,
  text: string,
  at: number,
): string {
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value instanceof Timestamp) return value.text;
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return '.nan';
    if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
    const shown = Object.is(value, -0) ? '-0.0' : String(value);
    return /[.e]/.test(shown) ? shown : `${shown}.0`;
  }
  if (typeof value !== 'string') throw unsupported(text, at, 'a value that is not UTF-8 text');
  if (sealed(value)) return flow ? quoted(value) : value;
  if (flow || followed || !blockable(value)) return plainOrQuoted(value);
  const lines = value.replace(/\n$/, '').split('\n');
  return `|${value.endsWith('\n') ? '' : '-'}\n${lines.map((line) => (line === '' ? '' : `${indent}    ${line}`)).join('\n')}`;
}
