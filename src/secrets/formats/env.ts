import { fail } from '../../kernel/errors.ts';
import {
  type CommentPlace,
  type Leaf,
  type LeafValue,
  type MetadataPlace,
  type SecretText,
  type Span,
  splice,
} from '../leaf.ts';
import { invalid, unsupported } from '../refuse.ts';

const fold = (value: string) => value.replaceAll('\n', '\\n');
const unfold = (value: string) => value.replaceAll('\\n', '\n');
const prefix = 'sops_';

interface Line extends Span {
  readonly key: string;
  readonly value: Span & { readonly text: string };
}

/** SOPS flattens its metadata: `sops_age__list_0__map_enc`. */
function unflatten(fields: ReadonlyArray<readonly [string, string]>): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [key, value] of fields) {
    const steps = key.split(/__map_|(?=__list_)/).map((step) => step.replace('__list_', ''));
    let node = root;
    for (const [i, step] of steps.entries()) {
      if (i === steps.length - 1) node[step] = value;
      else {
        const isList = key.includes(`${step}__list_${steps[i + 1]}`) && /^\d+$/.test(steps[i + 1] ?? '');
        node[step] ??= isList ? [] : {};
        node = node[step] as Record<string, unknown>;
      }
    }
  }
  return root;
}

function flatten(value: unknown, key: string): Array<[string, string]> {
  if (Array.isArray(value)) return value.flatMap((item, i) => flatten(item, `${key}__list_${i}`));
  if (typeof value !== 'object' || value === null) return [[key, String(value)]];
  return Object.entries(value).flatMap(([name, item]) => flatten(item, `${key}__map_${name}`));
}

function metadataOf(lines: readonly Line[]): MetadataPlace | undefined {
  const own = lines.filter(({ key }) => key.startsWith(prefix));
  if (own.length === 0) return undefined;
  const span = (name: string) => own.find(({ key }) => key === prefix + name)?.value;
  return {
    value: unflatten(own.map(({ key, value }) => [key.slice(prefix.length), unfold(value.text)] as const)),
    lastmodified: span('lastmodified'),
    mac: span('mac'),
  };
}

function keyOf(name: readonly string[]): string {
  const [key = ''] = name;
  if (name.length !== 1)
    throw fail('usage', 'a .env document has no nested values: name one key (a dot in it is written \\.)');
  if (key === '' || /[=#\p{Cc}]/u.test(key)) {
    throw fail('usage', `${JSON.stringify(key)} cannot be a key of a .env document: no =, # or control character`);
  }
  if (key.startsWith(prefix)) throw fail('usage', `${key}: names that start with ${prefix} belong to sops`);
  return key;
}

/** `KEY=value` lines as SOPS reads them: quotes are part of the value, `\n` is a line break. */
export function parseEnv(text: string): SecretText {
  const lines: Line[] = [];
  const comments: CommentPlace[] = [];
  let start = 0;
  for (const raw of text.split('\n')) {
    const end = start + raw.length;
    const equals = raw.indexOf('=');
    if (raw.startsWith('#')) comments.push({ text: raw.slice(1), start, end, paths: [[]] });
    else if (raw !== '') {
      if (equals < 1) throw invalid(text, start, 'the line is neither KEY=value nor a # comment');
      const key = raw.slice(0, equals);
      if (lines.some((line) => line.key === key)) throw unsupported(text, start, `the key ${key} is there twice`);
      const value = { start: start + equals + 1, end, text: raw.slice(equals + 1) };
      lines.push({ start, end, key, value });
    }
    start = end + 1;
  }
  const plain = lines.filter(({ key }) => !key.startsWith(prefix));
  const find = (name: readonly string[]) => plain.find(({ key }) => key === keyOf(name));
  const after = (line: Span) => ({ start: line.start, end: Math.min(line.end + 1, text.length), by: '' });
  const own = lines.filter(({ key }) => key.startsWith(prefix));
  return {
    text,
    leaves: plain.map(({ key, value }): Leaf => ({ ...value, path: [key], name: [key], value: unfold(value.text) })),
    comments,
    metadata: metadataOf(lines),
    literal: (value: LeafValue, { start: at }) => {
      if (typeof value !== 'string') throw unsupported(text, at, 'a .env document holds texts only');
      if (value.includes('\\n')) {
        throw unsupported(
          text,
          at,
          'a value of a .env document cannot hold a backslash and an n: it is read as a line break',
        );
      }
      return fold(value);
    },
    withValue(name) {
      const line = find(name);
      if (line) return splice(text, [{ ...line.value, by: 'x' }]);
      // Before the sops lines when they are the last ones, as sops has them.
      const at = own[0]?.start ?? text.length;
      const gap = at > 0 && text[at - 1] !== '\n' ? '\n' : '';
      return splice(text, [{ start: at, end: at, by: `${gap}${keyOf(name)}=x\n` }]);
    },
    without(name) {
      const line = find(name);
      return line && splice(text, [after(line)]);
    },
    split: () => ({
      clear: splice(text, own.map(after)),
      section: own.map((line) => `${text.slice(line.start, line.end)}\n`).join(''),
    }),
    join: (clear, section) => `${clear}${clear === '' || clear.endsWith('\n') ? '' : '\n'}${section}`,
    section: (metadata) =>
      Object.entries(metadata)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, value]) => flatten(value, prefix + name))
        .map(([key, value]) => `${key}=${fold(value)}\n`)
        .join(''),
  };
}
