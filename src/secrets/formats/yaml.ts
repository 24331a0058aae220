import { stringify } from 'yaml';
import { fail } from '../../kernel/errors.ts';
import { type Leaf, type MetadataPlace, type SecretText, type Span, splice } from '../leaf.ts';
import { invalid, unsupported } from '../refuse.ts';
import { commentPlaces } from './yaml-comments.ts';
import { plainOrQuoted, yamlLiteral } from './yaml-literal.ts';
import { scanYaml } from './yaml-scan.ts';
import { plainYaml, type YamlEntry, type YamlTree, yamlTree } from './yaml-tree.ts';

const placeholder = '"x"';

function leavesOf(node: YamlTree, path: readonly string[], name: readonly string[]): Leaf[] {
  if (node.kind === 'scalar') {
    return node.scalar === null ? [] : [{ path, name, value: node.scalar, start: node.start, end: node.end }];
  }
  return node.entries.flatMap(({ key, value }) =>
    leavesOf(value, node.kind === 'map' ? [...path, key] : path, [...name, key]),
  );
}

/** YAML as Go's yaml.v3 reads it. What is written replaces values where they stand. */
export function parseYaml(text: string): SecretText {
  const spans = scanYaml(text);
  const root = yamlTree(text);
  const entries = root?.entries ?? [];
  const sops = entries.find(({ key }) => key === 'sops');
  if (sops && sops.value.kind !== 'map') throw invalid(text, sops.start, '`sops` has to be a mapping');
  const others = entries.filter((entry) => entry !== sops);
  const lineStart = (at: number) => text.lastIndexOf('\n', at - 1) + 1;
  const lineEnd = (at: number) => {
    const end = text.indexOf('\n', at);
    return end < 0 ? text.length : end + 1;
  };
  const column = (at: number) => at - lineStart(at);
  /** Behind the comments that follow at `indent` columns or more: they belong to what is above them. */
  const pastComments = (at: number, indent: number): number => {
    const line = /^( *)#[^\n]*(?:\n|$)/.exec(text.slice(at));
    return line && (line[1] ?? '').length >= indent ? pastComments(at + line[0].length, indent) : at;
  };
  const indentAt = (at: number) => /^ */.exec(text.slice(lineStart(at)))?.[0] ?? '';
  const lastOffset = (node: YamlTree): number => {
    const last = node.flow ? undefined : node.entries.at(-1);
    return last ? lastOffset(last.value) : node.end;
  };
  /** Whole lines of an entry, its own comment beside it included. */
  const linesOf = (entry: YamlEntry): Span => {
    const end = Math.max(entry.keyEnd, lastOffset(entry.value));
    return { start: lineStart(entry.start), end: text[end - 1] === '\n' && end > entry.keyEnd ? end : lineEnd(end) };
  };
  const inFlow = (at: number) => {
    const around = (node: YamlTree): boolean =>
      (node.flow && node.start <= at && at < node.end) || node.entries.some(({ value }) => around(value));
    return root ? around(root) : false;
  };
  const literal = (value: Leaf['value'], { start, end }: Span) => {
    const followed = text.slice(end, lineEnd(end)).trim() !== '' && text[end - 1] !== '\n';
    const by = yamlLiteral(value, { indent: indentAt(start), flow: inFlow(start), followed }, text, start);
    return text[end - 1] === '\n' && end > start ? `${by}\n` : by;
  };

  const section = sops && linesOf(sops);
  const within = (span: Span | undefined, { start, end }: Span) => span && span.start <= start && end <= span.end;
  const entryOf = (key: string) => sops?.value.entries.find((entry) => entry.key === key)?.value;
  const metadata: MetadataPlace | undefined = sops && {
    value: plainYaml(sops.value, text) as Record<string, unknown>,
    lastmodified: entryOf('lastmodified'),
    mac: entryOf('mac'),
  };

  function descend(name: readonly string[]) {
    let [node, parent, entry, i]: [YamlTree | undefined, YamlTree | undefined, YamlEntry | undefined, number] = [
      root,
      undefined,
      undefined,
      0,
    ];
    for (; i < name.length && node; i += 1) {
      const next: YamlEntry | undefined = node.entries.find(({ key }) => key === name[i]);
      if (!next) break;
      [parent, entry, node] = [node, next, next.value];
    }
    return { node, parent, entry, rest: name.slice(i) };
  }

  const keyText = (key: string) => {
    const written = plainOrQuoted(key);
    if (written.length > 1_000) throw fail('usage', 'the key is longer than 1000 characters, which YAML does not hold');
    return written;
  };

  /** New lines of a block mapping: after its other entries, before `sops`. */
  function insertLines(node: YamlTree | undefined, rest: readonly string[]): string {
    const siblings = (node?.entries ?? []).filter((entry) => entry !== sops);
    const last = siblings.at(-1);
    const at =
      node === root || !last ? (section?.start ?? text.length) : pastComments(linesOf(last).end, column(last.start));
    const first = siblings[0] ?? node?.entries[0];
    const indent = ' '.repeat(first ? column(first.start) : 0);
    const lines = rest.map((key, i) => `${indent}${'    '.repeat(i)}${keyText(key)}:`).join('\n');
    const gap = at > 0 && text[at - 1] !== '\n' ? '\n' : '';
    return splice(text, [{ start: at, end: at, by: `${gap}${lines} ${placeholder}\n` }]);
  }

  return {
    text,
    leaves: others.flatMap(({ key, value }) => leavesOf(value, [key], [key])),
    comments: commentPlaces(text, root, spans).filter((place) => !within(section, place)),
    metadata,
    literal,
    withValue(name) {
      const { node, entry, rest } = descend(name);
      if (rest.length === 0 && node) {
        if (node.kind !== 'scalar') throw fail('usage', `${name.join('.')} holds values of its own: name one of them`);
        const gap = node.end === node.start && /\S/.test(text[node.start - 1] ?? '') ? ' ' : '';
        const by = `${gap}${placeholder}${node.block && text[node.end - 1] === '\n' ? '\n' : ''}`;
        return splice(text, [{ start: node.start, end: node.end, by }]);
      }
      if (node && node.kind === 'list')
        throw fail('usage', `${name.slice(0, -rest.length).join('.')} is a list without an element ${rest[0]}`);
      if (node && node.kind === 'scalar' && node.scalar !== null) {
        throw fail('usage', `${name.slice(0, -rest.length).join('.')} is a value: it has no key ${rest[0]}`);
      }
      if (!node || (node.kind === 'map' && !node.flow)) return insertLines(node, rest);
      // An empty or flow mapping takes it between its braces.
      const nest = rest.slice(1).reduceRight((inner, key) => `{${keyText(key)}: ${inner}}`, placeholder);
      const pair = `${keyText(rest[0] ?? '')}: ${nest}`;
      const last = node.entries.filter((each) => each !== sops).at(-1);
      if (node.kind === 'scalar') {
        const gap = node.end === node.start && entry ? ' ' : '';
        return splice(text, [{ start: node.start, end: node.end, by: `${gap}{${pair}}` }]);
      }
      if (last) return splice(text, [{ start: last.value.end, end: last.value.end, by: `, ${pair}` }]);
      return splice(text, [{ start: node.start + 1, end: node.start + 1, by: node.entries[0] ? `${pair}, ` : pair }]);
    },
    without(name) {
      const { node, parent, entry, rest } = descend(name);
      if (rest.length > 0 || !node || !parent || !entry) return undefined;
      if (parent.kind === 'list')
        throw unsupported(text, entry.start, 'an element of a list is removed with `socle secret edit`');
      const index = parent.entries.indexOf(entry);
      const [before, next] = [parent.entries[index - 1], parent.entries[index + 1]];
      if (parent.flow || parent.entries.length === 1) {
        if (!before && !next) {
          if (parent === root) return splice(text, [{ ...linesOf(entry), by: '' }]);
          return splice(text, [
            { start: entry.start, end: lastOffset(node), by: parent.flow ? '' : `{}${node.block ? '\n' : ''}` },
          ]);
        }
        const span = next ? { start: entry.start, end: next.start } : { start: before?.value.end ?? 0, end: node.end };
        return splice(text, [{ ...span, by: '' }]);
      }
      if (text.slice(lineStart(entry.start), entry.start).trim() === '')
        return splice(text, [{ ...linesOf(entry), by: '' }]);
      // The first key of a list's element stands behind its dash.
      return splice(text, [{ start: entry.start, end: next?.start ?? entry.start, by: '' }]);
    },
    split() {
      if (!section) return { clear: text, section: '' };
      if (root?.flow) throw unsupported(text, root.start, 'a YAML document in braces: name the file .json');
      return { clear: splice(text, [{ ...section, by: '' }]), section: text.slice(section.start, section.end) };
    },
    join: (clear, part) => `${clear}${clear === '' || clear.endsWith('\n') ? '' : '\n'}${part}`,
    // Quoted: unquoted a time is a timestamp to YAML 1.1, and SOPS wants a text.
    section: (value) =>
      stringify({ sops: value }, { indent: 4, lineWidth: 0, blockQuote: 'literal', version: '1.1', compat: 'core' }),
  };
}
