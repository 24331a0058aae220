import { fail } from '../kernel/errors.ts';

/** Line and column of an offset, both from 1; a column counts characters. */
export function placeOf(text: string, offset: number = text.length): { line: number; column: number } {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(start)].length + 1 };
}

const at = (text: string, offset: number) => {
  const { line, column } = placeOf(text, offset);
  return { where: `line ${line}, column ${column}`, place: { line, column } };
};

/** What SOPS itself would refuse. */
export function invalid(text: string, offset: number, why: string) {
  const { where, place } = at(text, offset);
  return fail('secret-document-invalid', `${where}: ${why}`, place);
}

/** What SOPS may read and Socle does not. */
export function unsupported(text: string, offset: number, what: string) {
  const { where, place } = at(text, offset);
  return fail('secret-document-unsupported', `${where}: ${what}`, place);
}
