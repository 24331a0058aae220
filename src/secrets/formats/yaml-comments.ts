import type { CommentPlace, Span } from '../leaf.ts';
import type { YamlTree } from './yaml-tree.ts';

interface Anchor {
  readonly start: number;
  readonly column: number;
  readonly branch: readonly string[];
  /** Path of what begins here, when that is a mapping or list on the lines below. */
  readonly inside: readonly string[] | undefined;
}

function anchorsOf(node: YamlTree, path: readonly string[], column: (at: number) => number): Anchor[] {
  return node.entries.flatMap(({ key, start, value }) => {
    const inner = node.kind === 'map' ? [...path, key] : path;
    const dash = node.kind === 'list' && !node.flow ? 2 : 0;
    const inside = value.kind === 'scalar' || value.flow ? undefined : inner;
    return [
      { start, column: Math.max(0, column(start) - dash), branch: path, inside },
      ...anchorsOf(value, inner, column),
    ];
  });
}

/**
 * Where SOPS hangs a comment (`stores/yaml` over go.yaml.in/yaml/v3): above a key, on the mapping that holds the key;
 * beside a value, on what holds the value; indented
 * below a last key, on what holds the value above.
 */
export function commentPlaces(text: string, root: YamlTree | undefined, comments: readonly Span[]): CommentPlace[] {
  const lineStart = (at: number) => text.lastIndexOf('\n', at - 1) + 1;
  const column = (at: number) => at - lineStart(at);
  const anchors = root ? anchorsOf(root, [], column) : [];
  return comments.map(({ start, end }) => {
    const before = anchors.filter((anchor) => anchor.start < start);
    const previous = before.at(-1);
    const next = anchors[before.length];
    const alone = text.slice(lineStart(start), start).trim() === '';
    const own = column(start);
    let first: readonly string[] = [];
    if (!alone) first = previous?.branch ?? [];
    else if (next && next.column >= own) first = next.branch;
    else if (own > 0) first = previous?.branch ?? [];
    const deepest = [first, previous?.inside, previous?.branch, next?.branch].filter((path) => path !== undefined);
    const all = deepest.flatMap((path) => [path, ...path.map((_, i) => path.slice(0, i)).reverse()]);
    return { start, end, text: text.slice(start + 1, end), paths: all };
  });
}
