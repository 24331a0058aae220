import { fail } from '../../kernel/errors.ts';
import { Comment, type Leaf, type LeafValue, type Metadata, type SecretFile } from '../leaf.ts';

interface Line {
  key: string | null;
  value: string;
}

const fold = (value: string) => value.replaceAll('\n', '\\n');
const unfold = (value: string) => value.replaceAll('\\n', '\n');

/** SOPS flattens its metadata: `sops_age__list_0__map_enc`. */
function readMetadata(lines: readonly Line[]): Metadata | undefined {
  const fields = new Map(
    lines.filter(({ key }) => key?.startsWith('sops_')).map(({ key, value }) => [key as string, value]),
  );
  if (fields.size === 0) return undefined;
  const age: Metadata['age'] = [];
  for (let i = 0; fields.has(`sops_age__list_${i}__map_enc`); i += 1) {
    age.push({
      recipient: fields.get(`sops_age__list_${i}__map_recipient`) ?? '',
      enc: unfold(fields.get(`sops_age__list_${i}__map_enc`) ?? ''),
    });
  }
  const simple = ['unencrypted_suffix', 'encrypted_suffix', 'unencrypted_regex', 'encrypted_regex'] as const;
  const metadata: Metadata = {
    age,
    lastmodified: fields.get('sops_lastmodified') ?? '',
    mac: fields.get('sops_mac') ?? '',
    version: fields.get('sops_version') ?? '',
  };
  for (const name of simple) {
    const value = fields.get(`sops_${name}`);
    if (value !== undefined) metadata[name] = value;
  }
  if (fields.get('sops_mac_only_encrypted') === 'true') metadata.mac_only_encrypted = true;
  return metadata;
}

function writeMetadata(metadata: Metadata): Line[] {
  const { age, ...rest } = metadata;
  const lines: Line[] = age.flatMap(({ enc, recipient }, i) => [
    { key: `sops_age__list_${i}__map_enc`, value: fold(enc) },
    { key: `sops_age__list_${i}__map_recipient`, value: recipient },
  ]);
  for (const [name, value] of Object.entries(rest).sort(([a], [b]) => a.localeCompare(b))) {
    lines.push({ key: `sops_${name}`, value: String(value) });
  }
  return lines;
}

/** `KEY=value` lines as SOPS reads them: quotes are part of the value, `\n` is a line break. */
export function parseEnv(text: string): SecretFile {
  const lines = text.split('\n').flatMap((raw, i): Line[] => {
    if (raw === '') return [];
    if (raw.startsWith('#')) return [{ key: null, value: raw.slice(1) }];
    const equals = raw.indexOf('=');
    if (equals < 1)
      throw fail('secret-document-invalid', `line ${i + 1} is neither KEY=value nor a # comment`, { line: i + 1 });
    return [{ key: raw.slice(0, equals), value: raw.slice(equals + 1) }];
  });
  const plain = () => lines.filter(({ key }) => !key?.startsWith('sops_'));
  const leafOf = (line: Line): Leaf => ({
    path: line.key === null ? [] : [line.key],
    value: line.key === null ? new Comment(line.value) : unfold(line.value),
    set: (value: LeafValue) => {
      line.value = value instanceof Comment ? value.text : fold(String(value));
    },
  });
  return {
    leaves: () => plain().map(leafOf),
    metadata: () => readMetadata(lines),
    setMetadata(metadata) {
      lines.splice(0, lines.length, ...plain(), ...(metadata ? writeMetadata(metadata) : []));
    },
    setValue(path, value) {
      if (path.length !== 1) throw fail('usage', 'a .env document has no nested values: name one key');
      const at = lines.findIndex(({ key }) => key === path[0]);
      if (value === undefined) {
        if (at >= 0) lines.splice(at, 1);
      } else if (at >= 0) lines[at] = { key: path[0] ?? '', value: fold(value) };
      else lines.push({ key: path[0] ?? '', value: fold(value) });
    },
    toString: () => lines.map(({ key, value }) => (key === null ? `#${value}\n` : `${key}=${value}\n`)).join(''),
  };
}
