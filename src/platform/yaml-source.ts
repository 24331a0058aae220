import { isAlias, isMap, isNode, isPair, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';

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

/** Parses YAML 1.2. Duplicate keys, tabs, unknown tags and a second document are problems like any other. */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, merge: true });
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
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
    value: document.errors.length > 0 ? null : document.toJS(),
    problems: [...document.errors, ...document.warnings].map((error) => ({
      ...place(error.pos[0]),
      message: spell(error.code, error.message),
    })),
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
