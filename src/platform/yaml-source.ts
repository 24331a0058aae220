import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface SyntaxProblem extends Position {
  readonly message: string;
}

/** A YAML text that remembers where everything was written. */
export interface YamlSource {
  /** Plain data; null for an empty text. */
  readonly value: unknown;
  /** Errors of the syntax: when there is one, `value` is not to be relied on. */
  readonly problems: readonly SyntaxProblem[];
  /** Where the value at `path` stands; where it is missing, the innermost mapping around it. */
  position(path: readonly PropertyKey[]): Position;
  /** Where the key itself stands. */
  keyPosition(path: readonly PropertyKey[], key: string): Position;
}

/** A platform file of a thousand databases has a tenth of it. */
const largest = 1024 * 1024;
const deepest = 100;

interface Refusal {
  readonly offset: number;
  readonly message: string;
}

/** What the parser itself would stumble over, before it sees the text. */
function unreadable(text: string): Refusal | undefined {
  if (text.length > largest)
    return { offset: 0, message: `the file has ${text.length} characters, and may have ${largest} (1 MiB)` };
  const nul = text.indexOf('\0');
  if (nul >= 0) return { offset: nul, message: 'a NUL character: this is no text file' };
  let depth = 0;
  for (const { 0: bracket, index } of text.matchAll(/[[{\]}]/g)) {
    depth = /[\]}]/.test(bracket) ? Math.max(0, depth - 1) : depth + 1;
    if (depth > deepest) return { offset: index, message: `nested more than ${deepest} levels deep` };
  }
  return undefined;
}

/** What stands in a well-formed document and has no value: aliases that lead nowhere, or that would never end. */
function resolved(document: Document): { readonly value: unknown; readonly refusal?: Refusal } {
  let refusal: Refusal | undefined;
  let first: number | undefined;
  visit(document, {
    Pair(_, { key }) {
      if (!isMap(key) && !isSeq(key)) return undefined;
      refusal = { offset: key.range?.[0] ?? 0, message: 'a mapping or a list cannot be a key' };
      return visit.BREAK;
    },
    Alias(_, alias, ancestors) {
      const offset = alias.range?.[0] ?? 0;
      first ??= offset;
      const target = alias.resolve(document);
      if (!target)
        refusal = { offset, message: `\`*${alias.source}\` names nothing: there is no \`&${alias.source}\` above it` };
      else if (ancestors.includes(target))
        refusal = { offset, message: `\`*${alias.source}\` stands inside of what it names` };
      return refusal ? visit.BREAK : undefined;
    },
  });
  if (refusal) return { value: null, refusal };
  try {
    return { value: document.toJS() };
  } catch (error) {
    const bomb = error instanceof Error && error.message.startsWith('Excessive alias count');
    const message = bomb
      ? 'aliases (`*`) of aliases make more than 100 copies here: write the values out'
      : `not valid YAML: ${error instanceof Error ? error.message : 'a value that cannot be read'}`;
    return { value: null, refusal: { offset: first ?? 0, message } };
  }
}

function parse(text: string, lines: LineCounter): Document | Refusal {
  const refusal = unreadable(text);
  if (refusal) return refusal;
  try {
    return parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: true,
      merge: true,
      version: '1.2',
      logLevel: 'error',
    }) as Document;
  } catch (error) {
    if (error instanceof RangeError) return { offset: 0, message: `nested more than ${deepest} levels deep` };
    throw error;
  }
}

/** Parses YAML 1.2. Duplicate keys, tabs, unknown tags and a second document are problems like any other. */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const parsed = parse(text, lines);
  const document = 'offset' in parsed ? parseDocument('') : parsed;
  const read =
    'offset' in parsed
      ? { value: null, refusal: parsed }
      : document.errors.length > 0
        ? { value: null }
        : resolved(document as Document);
  const place = (offset: number): Position => {
    const { line, col } =
      lines.lineStarts.length > 0
        ? lines.linePos(offset)
        : { line: text.slice(0, offset).split('\n').length, col: offset - text.lastIndexOf('\n', offset - 1) };
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };

  const follow = (node: unknown): Node | undefined => {
    const target = isAlias(node) ? node.resolve(document) : node;
    return isNode(target) ? target : undefined;
  };
  const pairOf = (node: Node | undefined, key: PropertyKey): Pair | undefined =>
    isMap(node) ? node.items.find((pair) => isPair(pair) && String(pair.key) === String(key)) : undefined;
  const child = (node: Node | undefined, step: PropertyKey): Node | undefined => {
    if (isSeq(node)) return follow(node.items[Number(step)]);
    return follow(pairOf(node, step)?.value);
  };
  const start = (node: unknown): Position => place(isNode(node) ? (node.range?.[0] ?? 0) : 0);
  const nodeAt = (path: readonly PropertyKey[]): { node: Node | undefined; whole: boolean; key: unknown } => {
    let node = follow(document.contents);
    let key: unknown;
    for (const step of path) {
      const next = child(node, step);
      const pair = pairOf(node, step);
      if (pair) key = pair.key;
      if (!next) return { node, whole: false, key: pair ? pair.key : key };
      node = next;
    }
    return { node, whole: true, key };
  };

  return {
    value: read.value,
    problems: [
      ...[...document.errors, ...document.warnings].map((error) => ({
        ...place(error.pos[0]),
        message: spell(error.code, error.message),
      })),
      ...('refusal' in read && read.refusal ? [{ ...place(read.refusal.offset), message: read.refusal.message }] : []),
    ],
    position(path) {
      const { node, whole, key } = nodeAt(path);
      return start(whole ? node : (key ?? node));
    },
    keyPosition(path, key) {
      const { node } = nodeAt(path);
      return start(pairOf(node, key)?.key ?? node);
    },
  };
}

/** The parser's words where they are clear, ours where they speak to a programmer. */
function spell(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key is already there, above: each key may appear once';
  if (code === 'MULTIPLE_DOCS') return 'a second document starts here (`---`): the file holds one';
  if (code === 'TAB_AS_INDENT') return 'a tab cannot indent YAML: use spaces';
  return `not valid YAML: ${message}`;
}
