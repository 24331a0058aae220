import { isMap, isScalar, isSeq, parseDocument, type Node as YamlNode } from 'yaml';
import { resolvePlain, tooLarge } from '../go-scalar.ts';
import type { LeafValue, Span } from '../leaf.ts';
import { invalid, unsupported } from '../refuse.ts';

export interface YamlEntry {
  /** A key of a mapping, or the index in a list. */
  readonly key: string;
  /** Where the key starts; of an element, where it starts itself. */
  readonly start: number;
  readonly keyEnd: number;
  readonly value: YamlTree;
}

/** A node by Go's rules, with its place in the text. */
export interface YamlTree extends Span {
  readonly kind: 'map' | 'list' | 'scalar';
  /** Written with brackets. */
  readonly flow: boolean;
  readonly block: boolean;
  readonly entries: readonly YamlEntry[];
  readonly scalar: LeafValue | null;
}

const maxDepth = 500;

function scalarOf(node: YamlNode & { value?: unknown; type?: string }, text: string, start: number): LeafValue | null {
  const content = String(node.value ?? '');
  if (!content.isWellFormed()) throw unsupported(text, start, 'half a surrogate pair, which is no character');
  if (node.type !== undefined && node.type !== 'PLAIN') return content;
  const value = resolvePlain(content);
  if (value === tooLarge)
    throw invalid(text, start, `${content} is more than 2^63-1, which sops refuses: put it in quotes`);
  return value;
}

/** @throws `secret-document-invalid`, `secret-document-unsupported`, with line and column */
export function yamlTree(text: string): YamlTree | undefined {
  const document = parseDocument(text, { schema: 'failsafe', prettyErrors: false, uniqueKeys: true });
  const [error] = [...document.errors, ...document.warnings];
  if (error) {
    const message =
      error.code === 'DUPLICATE_KEY' ? 'this key is already there, above' : error.message.split('\n', 1)[0];
    throw invalid(text, error.pos[0], message ?? 'not valid YAML');
  }

  const empty = (at: number): YamlTree => ({
    kind: 'scalar',
    start: at,
    end: at,
    flow: false,
    block: false,
    entries: [],
    scalar: null,
  });
  const walk = (node: unknown, depth: number, after: number): YamlTree => {
    if (!isMap(node) && !isSeq(node) && !isScalar(node)) return empty(after);
    const [start = 0, end = 0] = node.range ?? [];
    if (depth > maxDepth) throw unsupported(text, start, `more than ${maxDepth} levels`);
    if (isScalar(node)) {
      const block = node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED';
      return { ...empty(start), end, block, scalar: scalarOf(node, text, start) };
    }
    const entries = isSeq(node)
      ? node.items.map((item, i): YamlEntry => {
          const value = walk(item, depth + 1, start);
          return { key: String(i), start: value.start, keyEnd: value.start, value };
        })
      : node.items.map((pair): YamlEntry => {
          const [keyStart = start, keyEnd = start] = (isScalar(pair.key) ? pair.key.range : undefined) ?? [];
          if (!isScalar(pair.key)) throw unsupported(text, keyStart, 'a key that is no plain text');
          const key = scalarOf(pair.key, text, keyStart);
          // Quoted, too: sops takes the quotes away, and then reads a merge.
          if (key === '<<') throw unsupported(text, keyStart, 'a merge key (<<): write the values out');
          if (typeof key !== 'string')
            throw invalid(text, keyStart, 'sops takes only texts for keys: put this one in quotes');
          return { key, start: keyStart, keyEnd, value: walk(pair.value, depth + 1, keyEnd) };
        });
    return { ...empty(start), kind: isMap(node) ? 'map' : 'list', end, flow: node.flow === true, entries };
  };
  const root = document.contents;
  if (root === null || (isScalar(root) && resolvePlain(String(root.value ?? '')) === null)) return undefined;
  if (!isMap(root))
    throw invalid(text, root.range?.[0] ?? 0, 'a secret document has to be a mapping of keys to values');
  return walk(root, 0, 0);
}

/** What a tree holds, every scalar as text. */
export function plainYaml(node: YamlTree, text: string): unknown {
  if (node.kind === 'list') return node.entries.map(({ value }) => plainYaml(value, text));
  if (node.kind === 'map')
    return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainYaml(value, text)]));
  const { scalar } = node;
  if (scalar === null || typeof scalar === 'string') return scalar;
  return typeof scalar === 'object' ? scalar.constructor.name : text.slice(node.start, node.end);
}
