import { fail } from '../kernel/errors.ts';

const ascii: Record<string, string> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`\\{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};
const perl: Record<string, string> = { d: '0-9', w: '0-9A-Za-z_', s: '\\t\\n\\f\\r ' };
const controls: Record<string, string> = { a: '\\x07', f: '\\f', n: '\\n', r: '\\r', t: '\\t', v: '\\v' };
const literal = (char: string) => (/[\^$\\.*+?()[\]{}|/-]/.test(char) ? `\\${char === '-' ? 'x2D' : char}` : char);

/** One escape, from the character after the backslash: its translation, and how many characters it took. */
function translateEscape(rest: string, inClass: boolean): { readonly by: string; readonly length: number } | undefined {
  const [char = ''] = rest;
  const group = perl[char.toLowerCase()];
  if (group) {
    if (char === char.toLowerCase()) return { by: inClass ? group : `[${group}]`, length: 1 };
    return inClass ? undefined : { by: `[^${group}]`, length: 1 };
  }
  if (controls[char]) return { by: controls[char], length: 1 };
  const hex = /^x(?:([\da-fA-F]{2})|\{([\da-fA-F]{1,6})\})/.exec(rest);
  if (hex) return { by: `\\u{${hex[1] ?? hex[2]}}`, length: hex[0].length };
  const property = /^([pP])(?:([A-Z])|\{(\^?)(\w+)\})/.exec(rest);
  if (property) {
    const name = property[2] ?? property[4] ?? '';
    const negative = (property[1] === 'P') !== (property[3] === '^');
    return {
      by: `\\${negative ? 'P' : 'p'}{${name.length > 2 ? `Script=${name}` : name}}`,
      length: property[0].length,
    };
  }
  if (!inClass && char === 'A') return { by: '(?<![\\s\\S])', length: 1 };
  if (!inClass && char === 'z') return { by: '(?![\\s\\S])', length: 1 };
  if (!inClass && /[bB]/.test(char)) return { by: `\\${char}`, length: 1 };
  // Any other punctuation stands for itself; letters and digits do not.
  return /^[!-/:-@[-`{-~]/.test(char) ? { by: literal(char), length: 1 } : undefined;
}

/** A class, from the character after `[`. */
function characterClass(rest: string): { readonly by: string; readonly length: number } | undefined {
  let i = rest.startsWith('^') ? 1 : 0;
  let by = i === 1 ? '[^' : '[';
  for (let first = true; i < rest.length; first = false) {
    const char = String.fromCodePoint(rest.codePointAt(i) ?? 0);
    const posix = /^\[:(\^?)(\w+):\]/.exec(rest.slice(i));
    if (char === ']' && !first) return { by: `${by}]`, length: i + 1 };
    if (posix) {
      const members = ascii[posix[2] ?? ''];
      if (!members || posix[1]) return undefined;
      by += members;
      i += posix[0].length;
    } else if (char === '\\') {
      const escaped = translateEscape(rest.slice(i + 1), true);
      if (!escaped) return undefined;
      by += escaped.by;
      i += 1 + escaped.length;
    } else {
      const range = char === '-' && !first && rest[i + 1] !== ']';
      by += range ? '-' : literal(char);
      i += char.length;
    }
  }
  return undefined;
}

/** The same expression in JavaScript's words; undefined where the two differ or RE2 has no such thing. */
function translate(source: string): RegExp | undefined {
  const flags = /^\(\?([is]+)\)/.exec(source);
  const dot = flags?.[1]?.includes('s') ? '[\\s\\S]' : '[^\\n]';
  let by = '';
  let i = flags?.[0].length ?? 0;
  while (i < source.length) {
    const rest = source.slice(i);
    const char = String.fromCodePoint(source.codePointAt(i) ?? 0);
    let part: { readonly by: string; readonly length: number } | undefined = { by: char, length: char.length };
    const quoted = /^\\Q([\s\S]*?)(?:\\E|$)/.exec(rest);
    if (quoted) part = { by: [...(quoted[1] ?? '')].map(literal).join(''), length: quoted[0].length };
    else if (char === '\\') {
      const escaped = translateEscape(rest.slice(1), false);
      part = escaped && { by: escaped.by, length: 1 + escaped.length };
    } else if (char === '[') {
      const found = characterClass(rest.slice(1));
      part = found && { by: found.by, length: 1 + found.length };
    } else if (rest.startsWith('(?')) {
      const group = /^\(\?(?::|i:|P?<[A-Za-z_]\w*>)/.exec(rest)?.[0];
      part = group === undefined ? undefined : { by: group.replace('P<', '<'), length: group.length };
    } else if (char === '{') {
      const times = /^\{(\d{1,4})(?:,(\d{0,4}))?\}/.exec(rest);
      if (times && Math.max(Number(times[1]), Number(times[2] ?? 0)) > 1000) return undefined;
      part = times ? { by: times[0], length: times[0].length } : { by: '\\{', length: 1 };
    } else if (char === '}' || char === ']') part = { by: `\\${char}`, length: 1 };
    else if (char === '.') part = { by: dot, length: 1 };
    if (!part) return undefined;
    by += part.by;
    i += part.length;
  }
  try {
    return new RegExp(by, flags?.[1]?.includes('i') ? 'iu' : 'u');
  } catch {
    return undefined;
  }
}

const known = new Map<string, RegExp>();

/**
 * An expression of `encrypted_regex` or `unencrypted_regex` as SOPS reads it: RE2 as in Go's `regexp`.
 * An expression that RE2 refuses matches nothing there, and values stay in clear: it is refused here.
 * @throws `secret-document-unsupported`
 */
export function compileRe2(source: string): RegExp {
  const found = known.get(source) ?? translate(source);
  if (!found) {
    throw fail(
      'secret-document-unsupported',
      `the regular expression ${JSON.stringify(source)} of the sops section is not one that Socle reads exactly as sops does`,
    );
  }
  known.set(source, found);
  return found;
}
