import type { Span } from '../leaf.ts';
import { invalid, unsupported } from '../refuse.ts';

export interface JsonMember {
  readonly key: string;
  readonly keyStart: number;
  readonly value: JsonNode;
}

/** A JSON value with its place; the source of a number is kept, since JavaScript would round it. */
export interface JsonNode extends Span {
  readonly members?: readonly JsonMember[];
  readonly items?: readonly JsonNode[];
  /** A string, a boolean or null. */
  readonly scalar?: string | boolean | null;
  readonly number?: string;
}

const maxDepth = 1_000;

/** @throws `secret-document-invalid` with line and column; `secret-document-unsupported` for a key that is there twice */
export function jsonTree(text: string): JsonNode {
  let i = 0;
  const space = () => {
    while (/[ \t\r\n]/.test(text[i] ?? '')) i += 1;
  };
  const expect = (char: string) => {
    if (text[i] !== char)
      throw invalid(text, i, `not JSON: ${i < text.length ? 'here' : 'at the end'} a ${char} is missing`);
    i += 1;
  };
  const string = (): string => {
    const start = i;
    const source = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy;
    source.lastIndex = i;
    const [found] = source.exec(text) ?? [];
    if (found === undefined) throw invalid(text, start, 'not JSON: a string in double quotes is expected here');
    i += found.length;
    // Go makes U+FFFD of half a surrogate pair.
    return (JSON.parse(found) as string).toWellFormed();
  };
  const value = (depth: number): JsonNode => {
    if (depth > maxDepth) throw unsupported(text, i, `more than ${maxDepth} levels`);
    const start = i;
    if (text[i] === '{') {
      const members: JsonMember[] = [];
      i += 1;
      for (space(); text[i] !== '}'; space()) {
        if (members.length > 0) {
          expect(',');
          space();
        }
        const keyStart = i;
        const key = string();
        if (members.some((member) => member.key === key))
          throw unsupported(text, keyStart, `the key ${key} is there twice`);
        space();
        expect(':');
        space();
        members.push({ key, keyStart, value: value(depth + 1) });
      }
      i += 1;
      return { start, end: i, members };
    }
    if (text[i] === '[') {
      const items: JsonNode[] = [];
      i += 1;
      for (space(); text[i] !== ']'; space()) {
        if (items.length > 0) {
          expect(',');
          space();
        }
        items.push(value(depth + 1));
      }
      i += 1;
      return { start, end: i, items };
    }
    if (text[i] === '"') {
      const scalar = string();
      return { start, end: i, scalar };
    }
    const token = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
    token.lastIndex = i;
    const [found] = token.exec(text) ?? [];
    if (found === undefined) throw invalid(text, i, 'not JSON: a value is expected here');
    i += found.length;
    const word = { true: true, false: false, null: null }[found];
    return word === undefined ? { start, end: i, number: found } : { start, end: i, scalar: word };
  };
  space();
  if (text[i] !== '{') throw invalid(text, i, 'a secret document has to be an object: { … }');
  const root = value(0);
  space();
  if (i < text.length) throw invalid(text, i, 'something follows the end of the object');
  return root;
}
