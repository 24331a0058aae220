import { fail } from '../kernel/errors.ts';
import type { MetadataPlace } from './leaf.ts';
import { compileRe2 } from './re2.ts';
import type { Rules } from './rules.ts';

export interface WrappedKey {
  readonly recipient: string;
  readonly enc: string;
}

/** What the `sops` section of a document says (`stores.go` of SOPS 3.13). */
export interface Metadata {
  readonly rules: Rules;
  readonly lastmodified: string;
  readonly mac: string;
  /** Each group can open its part of the data key; one group has all of it. */
  readonly groups: ReadonlyArray<readonly WrappedKey[]>;
  /** How many parts make the data key. */
  readonly threshold: number;
  /** Kinds of recipients that Socle cannot encrypt to, such as `pgp`. */
  readonly otherKinds: readonly string[];
  /** Entries that SOPS 3.13 does not have. */
  readonly unknown: readonly string[];
}

const otherKinds = ['pgp', 'kms', 'gcp_kms', 'hckms', 'azure_kv', 'hc_vault'];
const ruleNames = ['unencrypted_suffix', 'encrypted_suffix', 'unencrypted_regex', 'encrypted_regex'] as const;
const commentRules = ['unencrypted_comment_regex', 'encrypted_comment_regex'];
const known = new Set<string>([
  ...otherKinds,
  ...ruleNames,
  ...commentRules,
  ...['age', 'key_groups', 'shamir_threshold', 'lastmodified', 'mac', 'mac_only_encrypted', 'version'],
]);

const list = (value: unknown): ReadonlyArray<Record<string, unknown>> => (Array.isArray(value) ? value : []);
const text = (value: unknown) => (typeof value === 'string' ? value : '');
const wrapped = (value: unknown): WrappedKey[] =>
  list(value).map((entry) => ({ recipient: text(entry?.recipient), enc: text(entry?.enc) }));
const kindsIn = (group: Readonly<Record<string, unknown>>) => otherKinds.filter((kind) => list(group[kind]).length > 0);

/** What a MAC's additional data has of a time: Go reads RFC 3339 and writes it again without fractions. */
const normal = (time: string) =>
  time
    .replace(/\.\d+/, '')
    .replace(/[-+]00:00$/, 'Z')
    .toUpperCase();

function rulesOf(raw: Readonly<Record<string, unknown>>): Rules {
  const given = [...ruleNames, ...commentRules].filter((name) => text(raw[name]) !== '');
  if (given.length > 1) {
    throw fail('secret-document-invalid', `the sops section has ${given.join(' and ')}: sops takes one of them`);
  }
  const [name = 'unencrypted_suffix'] = given;
  if (commentRules.includes(name)) {
    throw fail(
      'secret-document-unsupported',
      `the sops section has ${name}: Socle does not choose values by their comments`,
    );
  }
  const value = text(raw[name]) || '_unencrypted';
  if (name.endsWith('regex')) compileRe2(value);
  const macOnly = /^(1|t|true)$/i.test(String(raw.mac_only_encrypted ?? 'false'));
  return { [name]: value, ...(macOnly ? { mac_only_encrypted: true } : {}) };
}

/** @throws `secret-document-invalid`, `secret-document-unsupported` */
export function readMetadata(place: MetadataPlace | undefined): Metadata {
  if (!place) throw fail('secret-document-invalid', 'the document has no `sops` section: it is not encrypted');
  const raw = place.value;
  const lastmodified = text(raw.lastmodified);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$/.test(lastmodified)) {
    throw fail('secret-document-invalid', 'lastmodified of the sops section is no RFC 3339 time: sops refuses it');
  }
  if (!place.lastmodified || !place.mac) throw fail('secret-document-invalid', 'the sops section has no mac');
  const groups = list(raw.key_groups);
  const whole = list(raw.age).length > 0 || kindsIn(raw).length > 0;
  return {
    rules: rulesOf(raw),
    lastmodified: normal(lastmodified),
    mac: text(raw.mac),
    groups: whole ? [wrapped(raw.age)] : groups.map((group) => wrapped(group?.age)),
    threshold: whole ? 1 : Number(raw.shamir_threshold ?? 0) || groups.length,
    otherKinds: [...new Set([...kindsIn(raw), ...groups.flatMap((group) => kindsIn(group ?? {}))])],
    unknown: Object.keys(raw).filter((key) => !known.has(key)),
  };
}
