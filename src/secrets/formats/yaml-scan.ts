import { Lexer } from 'yaml';
import type { Span } from '../leaf.ts';
import { invalid, unsupported } from '../refuse.ts';

/** What Go's YAML reader does not take in a text, and what it takes for a line break where others do not. */
const forbidden = /[^\t\n\r\x20-\x7E\u{A0}-\u{D7FF}\u{E000}-\u{FEFE}\u{FF00}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;
const otherBreaks = /[\u0085\u2028\u2029]|\r(?!\n)/;

/** Lexemes without a text: a document, the end of a flow collection that lacks one, and a scalar follow. */
const marks = new Set(['\u0002', '\u0018', '\u001f']);

const notSupported: Record<string, string> = {
  '&': 'an anchor (&)',
  '*': 'an alias (*)',
  '!': 'a tag (!)',
  '%': 'a directive (%)',
  '?': 'a key that starts with `?` (sops writes those of more than 128 characters so)',
};

/**
 * The comments of a YAML text, `#` included in their places.
 * @throws `secret-document-unsupported` for forms that only sops resolves, with line and column
 */
export function scanYaml(text: string): Span[] {
  const breaks = otherBreaks.exec(text);
  if (breaks)
    throw unsupported(text, breaks.index, 'a line break other than LF and CRLF, which YAML readers take differently');
  const body = text.startsWith('\uFEFF') ? 1 : 0;
  const bad = forbidden.exec(text.slice(body));
  if (bad)
    throw invalid(
      text,
      body + bad.index,
      'a character that YAML does not allow: write it as an escape in double quotes',
    );
  const comments: Span[] = [];
  let offset = 0;
  let scalar = false;
  let seen = false;
  for (const lexeme of new Lexer().lex(text)) {
    if (marks.has(lexeme)) {
      scalar = lexeme === '\u001f';
      seen ||= scalar;
      continue;
    }
    const place = { start: offset, end: offset + lexeme.length };
    offset = place.end;
    if (scalar) {
      scalar = false;
      continue;
    }
    const [first = ''] = lexeme;
    if (first === '#') comments.push(place);
    else if (notSupported[first]) throw unsupported(text, place.start, `${notSupported[first]}: write the value out`);
    else if (lexeme === '...' || (lexeme === '---' && seen)) {
      throw unsupported(text, place.start, 'several documents in one file: give each a file of its own');
    } else if (!/^[\s\uFEFF]/.test(lexeme)) seen = true;
  }
  return comments;
}
