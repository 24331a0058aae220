/** Reading the few forms in which PostgreSQL's programs write names and literals. Text is `latin1`: one character per byte. */

export interface CopyHeader {
  readonly schema: string;
  readonly table: string;
  /** In the order of the block's columns. */
  readonly columns: readonly string[];
}

/** `COPY schema.table (a, "b c") FROM stdin;` in parts, names without quotes. Undefined when it is something else. */
export function parseCopyHeader(text: string): CopyHeader | undefined {
  const name = readName(text, 'COPY '.length);
  if (!text.startsWith('COPY ') || name?.parts.length !== 2) return undefined;
  const columns: string[] = [];
  let at = skipBlanks(text, name.end);
  if (text[at] === '(') {
    do {
      const column = readName(text, skipBlanks(text, at + 1));
      if (column?.parts.length !== 1) return undefined;
      columns.push(column.parts[0] as string);
      at = skipBlanks(text, column.end);
    } while (text[at] === ',');
    if (text[at] !== ')') return undefined;
    at = skipBlanks(text, at + 1);
  }
  if (text.slice(at) !== 'FROM stdin;') return undefined;
  return { schema: name.parts[0] as string, table: name.parts[1] as string, columns };
}

/** `a."b""c"` → `['a', 'b"c']`; undefined when the text is not one qualified name. */
export function parseName(text: string): string[] | undefined {
  const name = readName(text, 0);
  return name && name.end === text.length ? name.parts : undefined;
}

/**
 * Arguments of `SELECT pg_catalog.fn('x', 1, true);` as text, quotes resolved. Undefined when the text is another
 * statement or holds more than literals.
 */
export function parseCall(text: string): { name: string; args: string[] } | undefined {
  const start = /^SELECT pg_catalog\.(\w+)\(/.exec(text);
  if (!start) return undefined;
  const args: string[] = [];
  let at = start[0].length;
  for (;;) {
    at = skipBlanks(text, at);
    const literal = readLiteral(text, at);
    if (!literal) return undefined;
    args.push(literal.value);
    at = skipBlanks(text, literal.end);
    if (text[at] === ',') at += 1;
    else break;
  }
  return text.slice(at) === ');' ? { name: start[1] as string, args } : undefined;
}

function readLiteral(text: string, from: number): { value: string; end: number } | undefined {
  const escaped = text.startsWith("E'", from);
  const at = escaped ? from + 1 : from;
  if (text[at] !== "'") {
    const bare = /^[\w.+-]+/.exec(text.slice(at, at + 64));
    return bare ? { value: bare[0], end: at + bare[0].length } : undefined;
  }
  const quoted = readQuoted(text, at, "'");
  if (!quoted) return undefined;
  return { value: escaped ? quoted.value.replaceAll('\\\\', '\\') : quoted.value, end: quoted.end };
}

function readName(text: string, from: number): { parts: string[]; end: number } | undefined {
  const parts: string[] = [];
  let at = from;
  for (;;) {
    if (text[at] === '"') {
      const quoted = readQuoted(text, at, '"');
      if (!quoted) return undefined;
      parts.push(quoted.value);
      at = quoted.end;
    } else {
      const bare = /^[\w$\u0080-\uffff]+/.exec(text.slice(at, at + 256));
      if (!bare) return undefined;
      parts.push(bare[0]);
      at += bare[0].length;
    }
    if (text[at] !== '.') return { parts, end: at };
    at += 1;
  }
}

/** Text between two quotes, a doubled quote inside standing for one. */
function readQuoted(text: string, from: number, quote: string): { value: string; end: number } | undefined {
  let value = '';
  let at = from + 1;
  for (;;) {
    const close = text.indexOf(quote, at);
    if (close === -1) return undefined;
    value += text.slice(at, close);
    if (text[close + 1] !== quote) return { value, end: close + 1 };
    value += quote;
    at = close + 2;
  }
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n') at += 1;
  return at;
}
