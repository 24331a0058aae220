import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  Scalar,
  stringify,
  type YAMLMap,
} from 'yaml';
import { fail } from '../../kernel/errors.ts';
import { Comment, type Leaf, type LeafValue, type Metadata, type SecretFile, Timestamp } from '../leaf.ts';

/** Metadata in the order in which SOPS writes it. */
const order = [
  'age',
  'encrypted_regex',
  'encrypted_suffix',
  'lastmodified',
  'mac',
  'mac_only_encrypted',
  'unencrypted_regex',
  'unencrypted_suffix',
  'version',
] as const;

type Commented = { comment?: string | null | undefined; commentBefore?: string | null | undefined };

/** Comment lines of a node, each a leaf of its own on the branch that holds the node. */
function commentLeaves(
  node: Commented | null | undefined,
  path: readonly string[],
  which: 'comment' | 'commentBefore',
): Leaf[] {
  const text = node?.[which];
  if (!node || text === null || text === undefined) return [];
  const lines = text.split('\n');
  return lines.flatMap((line, i) =>
    line === ''
      ? []
      : [
          {
            path,
            value: new Comment(line),
            set: (value: LeafValue) => {
              lines[i] = value instanceof Comment ? value.text : String(value);
              node[which] = lines.join('\n');
            },
          },
        ],
  );
}

function scalarLeaf(node: Scalar, path: readonly string[]): Leaf[] {
  const { value } = node;
  if (value === null || value === undefined) return [];
  return [
    {
      path,
      value: value as LeafValue,
      set(next: LeafValue) {
        node.value = next instanceof Timestamp ? next.text : next;
        delete node.format;
        delete node.source;
        if (next instanceof Timestamp || typeof next !== 'string') node.type = 'PLAIN';
        else if (next.includes('\n')) node.type = 'BLOCK_LITERAL';
        else delete node.type;
      },
    },
  ];
}

/** A key that was set by us is a string, one that was read is a node. */
function keyText(key: unknown): string {
  if (isScalar(key)) return String(key.value);
  if (typeof key === 'string') return key;
  throw fail('secret-document-invalid', 'a secret document needs plain keys');
}

function walk(node: Node | null, path: readonly string[], branch: readonly string[]): Leaf[] {
  if (node === null) return [];
  if (isAlias(node))
    throw fail('secret-document-invalid', 'a secret document may not use YAML aliases: write the value out');
  const before = commentLeaves(node, branch, 'commentBefore');
  const after = commentLeaves(node, branch, 'comment');
  if (isScalar(node)) return [...before, ...scalarLeaf(node, path), ...after];
  if (isSeq(node)) return [...before, ...node.items.flatMap((item) => walk(item as Node | null, path, path)), ...after];
  if (!isMap(node)) return [];
  const inside = node.items.flatMap(({ key, value }) => {
    const commented = isScalar(key) ? key : undefined;
    const keyLeaves = [
      ...commentLeaves(commented, path, 'commentBefore'),
      ...commentLeaves(commented, path, 'comment'),
    ];
    return [...keyLeaves, ...walk(value as Node | null, [...path, keyText(key)], path)];
  });
  return [...before, ...inside, ...after];
}

function parse(text: string): Document {
  const lines = new LineCounter();
  const document = parseDocument(text, { intAsBigInt: true, keepSourceTokens: false, lineCounter: lines });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw fail('secret-document-invalid', `line ${line}, column ${col}: ${error.message.split('\n', 1)[0]}`, {
      line,
      column: col,
    });
  }
  if (!isMap(document.contents))
    throw fail('secret-document-invalid', 'a secret document has to be a mapping of keys to values');
  return document as Document;
}

function fileOf(document: Document, print: (metadata: Metadata | undefined) => string): SecretFile {
  const root = () => document.contents as YAMLMap;
  let metadata = (root().get('sops') as YAMLMap | undefined)?.toJS(document) as Metadata | undefined;
  root().delete('sops');
  return {
    leaves: () => [
      ...commentLeaves(document, [], 'commentBefore'),
      ...walk(root(), [], []),
      ...commentLeaves(document, [], 'comment'),
    ],
    metadata: () => metadata,
    setMetadata(next) {
      metadata = next;
    },
    setValue(path, value) {
      if (value === undefined) document.deleteIn(path);
      else document.setIn(path, document.createNode(value));
    },
    toString: () => print(metadata),
  };
}

const inOrder = (metadata: Metadata) =>
  order.flatMap((name) => (metadata[name] === undefined ? [] : [[name, metadata[name]] as const]));

/** The `sops` section to the letter as SOPS indents it, so that its files and ours differ only in what changed. */
function yamlMetadata(metadata: Metadata): string {
  const lines = inOrder(metadata).flatMap(([name, value]) => {
    // Quoted: unquoted it is a timestamp to YAML 1.1, and SOPS wants a string.
    if (name === 'lastmodified') return [`    ${name}: ${JSON.stringify(value)}`];
    if (name !== 'age') return [`    ${name}: ${stringify(value, { lineWidth: 0 }).trimEnd()}`];
    const items = metadata.age.flatMap(({ enc, recipient }) => [
      '        - enc: |',
      ...enc
        .trimEnd()
        .split('\n')
        .map((line) => `            ${line}`),
      `          recipient: ${recipient}`,
    ]);
    return ['    age:', ...items];
  });
  return `sops:\n${lines.join('\n')}\n`;
}

/** YAML, indented by four and never folded, as SOPS prints it. Comments are kept. */
export function parseYaml(text: string): SecretFile {
  const document = parse(text);
  const root = document.contents as YAMLMap;
  // `{}` is how a new document starts: what comes into it is written as a block.
  if (root.items.length === 0) root.flow = false;
  const empty = () => (document.contents as YAMLMap).items.length === 0;
  const body = () =>
    document.toString({ indent: 4, lineWidth: 0, blockQuote: 'literal', flowCollectionPadding: false });
  return fileOf(document, (metadata) => {
    if (!metadata) return body();
    return (empty() ? '' : body()) + yamlMetadata(metadata);
  });
}

/** JSON is YAML without comments; printed with tabs, as SOPS does. */
export function parseJson(text: string): SecretFile {
  const document = parse(text);
  return fileOf(document, (metadata) => {
    const root = document.contents as YAMLMap;
    const pair = metadata && document.createPair('sops', Object.fromEntries(inOrder(metadata)));
    if (pair) root.add(pair);
    const printed = `${json(root, '')}\n`;
    if (pair) root.delete('sops');
    return printed;
  });
}

/** By hand: `JSON.stringify` knows no bigint, and an object would reorder keys that look like numbers. */
function json(node: Node | null, indent: string): string {
  const inner = `${indent}\t`;
  if (isMap(node)) {
    const items = node.items.map(
      ({ key, value }) => `${inner}${JSON.stringify(keyText(key))}: ${json(value as Node | null, inner)}`,
    );
    return items.length === 0 ? '{}' : `{\n${items.join(',\n')}\n${indent}}`;
  }
  if (isSeq(node)) {
    const items = node.items.map((item) => `${inner}${json(item as Node | null, inner)}`);
    return items.length === 0 ? '[]' : `[\n${items.join(',\n')}\n${indent}]`;
  }
  const value = node instanceof Scalar ? node.value : null;
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}
