import { fail } from '../../kernel/errors.ts';
import { parseInt64 } from '../go-scalar.ts';
import { type Leaf, type LeafValue, type MetadataPlace, type SecretText, splice } from '../leaf.ts';
import { invalid, unsupported } from '../refuse.ts';
import { type JsonNode, jsonTree } from './json-tree.ts';

/** Go's `normalizeJSONNumber` of SOPS: an int64, else a float64. */
function scalarOf(node: JsonNode, text: string): LeafValue | null {
  if (node.number === undefined) return node.scalar ?? null;
  const whole = parseInt64(node.number);
  if (whole !== undefined) return whole;
  const value = Number(node.number);
  if (!Number.isFinite(value)) throw invalid(text, node.start, `${node.number} is more than a number can hold`);
  return value;
}

function leavesOf(node: JsonNode, text: string, path: readonly string[], name: readonly string[]): Leaf[] {
  if (node.items) return node.items.flatMap((item, i) => leavesOf(item, text, path, [...name, String(i)]));
  if (node.members) {
    return node.members.flatMap(({ key, value }) => leavesOf(value, text, [...path, key], [...name, key]));
  }
  const value = scalarOf(node, text);
  return value === null ? [] : [{ path, name, value, start: node.start, end: node.end }];
}

function plain(node: JsonNode): unknown {
  if (node.items) return node.items.map(plain);
  if (node.members) return Object.fromEntries(node.members.map(({ key, value }) => [key, plain(value)]));
  return node.number ?? (typeof node.scalar === 'boolean' ? String(node.scalar) : node.scalar);
}

function literal(value: LeafValue, at: number, text: string): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) {
    const shown = Object.is(value, -0) ? '-0.0' : String(value);
    return /[.e]/.test(shown) ? shown : `${shown}.0`;
  }
  throw unsupported(
    text,
    at,
    'JSON has no way to write this value (a timestamp, .inf, .nan, or bytes that are not UTF-8)',
  );
}

const placeholder = '"x"';

/** A member's place together with the comma that goes with it. */
function cut(parent: JsonNode, index: number) {
  const members = parent.members ?? [];
  const [before, own, next] = [members[index - 1], members[index], members[index + 1]];
  const start = next || !before ? (own?.keyStart ?? 0) : before.value.end;
  if (!next && !before) return { start: parent.start + 1, end: parent.end - 1, by: '' };
  return { start, end: next ? next.keyStart : (own?.value.end ?? 0), by: '' };
}

export function parseJson(text: string): SecretText {
  const root = jsonTree(text);
  const members = root.members ?? [];
  const at = members.findIndex(({ key }) => key === 'sops');
  const section = members[at]?.value;
  if (section && !section.members) throw invalid(text, section.start, '`sops` has to be an object');
  const entry = (key: string) => section?.members?.find((member) => member.key === key)?.value;
  const metadata: MetadataPlace | undefined = section && {
    value: plain(section) as Record<string, unknown>,
    lastmodified: entry('lastmodified'),
    mac: entry('mac'),
  };

  /** The innermost node on the way to `name`, and what is left of the way. */
  function descend(name: readonly string[]): {
    node: JsonNode;
    rest: readonly string[];
    parent?: JsonNode;
    index: number;
  } {
    let [node, parent, index, i]: [JsonNode, JsonNode | undefined, number, number] = [root, undefined, -1, 0];
    for (; i < name.length; i += 1) {
      const step = name[i] ?? '';
      const position = node.members
        ? node.members.findIndex(({ key }) => key === step)
        : Number(/^\d+$/.test(step) ? step : -1);
      const next: JsonNode | undefined = node.members ? node.members[position]?.value : node.items?.[position];
      if (!next) break;
      [node, parent, index] = [next, node, position];
    }
    return { node, rest: name.slice(i), index, ...(parent ? { parent } : {}) };
  }

  /** A new member comes after the others, before `sops`, and is indented as they are. */
  function insert(node: JsonNode, key: string, by: string): string {
    const others = (node.members ?? []).filter((member) => node !== root || member.key !== 'sops');
    const [last, first] = [others.at(-1), node.members?.[0]];
    const gap = first ? text.slice(node.start + 1, first.keyStart) : '';
    const pair = `${JSON.stringify(key)}: ${by}`;
    if (last) return splice(text, [{ start: last.value.end, end: last.value.end, by: `,${gap}${pair}` }]);
    if (first) return splice(text, [{ start: first.keyStart, end: first.keyStart, by: `${pair},${gap}` }]);
    const inner = node === root ? `\n\t${pair}\n` : pair;
    return splice(text, [{ start: node.start + 1, end: node.end - 1, by: inner }]);
  }

  return {
    text,
    leaves: members.filter((_, i) => i !== at).flatMap(({ key, value }) => leavesOf(value, text, [key], [key])),
    comments: [],
    metadata,
    literal: (value, { start }) => literal(value, start, text),
    withValue(name) {
      const { node, rest } = descend(name);
      if (rest.length === 0) {
        if (node.members || node.items)
          throw fail('usage', `${name.join('.')} holds values of its own: name one of them`);
        return splice(text, [{ ...node, by: placeholder }]);
      }
      const nest = rest.slice(1).reduceRight((inner, key) => `{${JSON.stringify(key)}: ${inner}}`, placeholder);
      if (node.members) return insert(node, rest[0] ?? '', nest);
      if (node.scalar === null) return splice(text, [{ ...node, by: `{${JSON.stringify(rest[0])}: ${nest}}` }]);
      throw fail('usage', `${name.slice(0, -rest.length).join('.')} is no object: it has no key ${rest[0]}`);
    },
    without(name) {
      const { node, rest, parent, index } = descend(name);
      if (rest.length > 0 || !parent) return undefined;
      if (parent.members) return splice(text, [cut(parent, index)]);
      throw unsupported(text, node.start, 'an element of a list is removed with `socle secret edit`');
    },
    split: () => ({
      clear: at < 0 ? text : splice(text, [cut(root, at)]),
      section: section ? text.slice(section.start, section.end) : '',
    }),
    join(clear, value) {
      const tree = jsonTree(clear);
      const last = tree.members?.at(-1);
      const gap = tree.members?.[0] ? clear.slice(tree.start + 1, tree.members[0].keyStart) : '\n\t';
      const start = last?.value.end ?? tree.start + 1;
      const tail = last ? '' : '\n';
      return splice(clear, [
        { start, end: last ? start : tree.end - 1, by: `${last ? ',' : ''}${gap}"sops": ${value}${tail}` },
      ]);
    },
    section: (value) => JSON.stringify(value, null, '\t').replaceAll('\n', '\n\t'),
  };
}
