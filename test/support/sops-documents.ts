import type { Format } from '../../src/secrets/formats/index.ts';
import type { Rules } from '../../src/secrets/rules.ts';

/** A document in clear of a form that people have. */
export interface PlainDocument {
  readonly name: string;
  readonly format: Format;
  readonly text: string;
  readonly rules?: Rules;
  /**
   * `sops`: sops takes it and Socle says that it does not. `socle`: what sops makes of it, sops itself cannot read;
   * what Socle makes, it can. Undefined: Socle takes what sops takes.
   */
  readonly only?: 'sops' | 'socle';
}

const yaml = (name: string, text: string, rest: Partial<PlainDocument> = {}): PlainDocument => ({
  name,
  format: 'yaml',
  text,
  ...rest,
});
const json = (name: string, text: string, rest: Partial<PlainDocument> = {}): PlainDocument => ({
  name,
  format: 'json',
  text,
  ...rest,
});
const env = (name: string, text: string, rest: Partial<PlainDocument> = {}): PlainDocument => ({
  name,
  format: 'env',
  text,
  ...rest,
});
const sops = { only: 'sops' } as const;

const fluxSecret = `apiVersion: v1
kind: Secret
metadata:
  name: db
  labels: {app: shop, "tier": 'back'}
type: Opaque
data:
  ca.crt: LS0tLS1CRUdJTg==
stringData:
  password: "p@ss: #1"
  config.yaml: |
    a: 1

    b: "two"
  # beside
  empty: ""
`;

export const plainDocuments: readonly PlainDocument[] = [
  yaml('one value', 'password: x\n'),
  yaml('nested', 'a:\n  b:\n    c: x\n    d: y\n  e: z\nf: 1\n'),
  yaml('lists', 'l:\n  - a\n  - 2\n  - [b, c]\n  - k: v\n    m: n\n  -\n    - deep\n'),
  yaml('compact lists', 'l:\n- a\n- b\nm:\n- x: 1\n  y: 2\n- x: 3\n'),
  yaml('flow collections', 'a: {b: 1, c: [x, "y, z"], d: {}}\nl: []\n'),
  yaml('several documents', 'a: 1\n---\nb: 2\n', sops),
  yaml('document markers', '---\na: x\nb: y\n'),
  yaml('an end marker', 'a: x\n...\n', sops),
  yaml(
    'comments above, beside and below',
    '# top\n\n# first\na: x # beside\n# second\nb:\n  # inner\n  c: y # beside c\n  # below c\n# end\n',
  ),
  yaml('comments in lists', 'l:\n  # one\n  - a # in\n  # two\n  - b\nz: 1\n', { only: 'socle' }),
  yaml('an empty comment', '#\n# text\n#\na: x\n'),
  yaml('a commented-out value', 'a: x\n#b: secret\nc: y\n'),
  yaml('a comment beside a mapping', 'a: # about a\n  b: x\nc: y\n'),
  yaml('a comment that ends a nested mapping', 'a:\n  b:\n    c: x\n  # end of a\nd: y\n'),
  yaml('anchors and aliases', 'a: &x secret\nb: *x\n', sops),
  yaml('an anchor alone', 'a: &x secret\n', sops),
  yaml('a merge key', 'd: &d {u: 1}\nc:\n  <<: *d\n  w: 2\n', sops),
  yaml('a merge key without an alias', 'c:\n  <<: {u: 1}\n  w: 2\n', sops),
  yaml('empty values', 'a: \'\'\nb: ""\nc:\nd: ~\ne: null\nf: {}\ng: []\n'),
  yaml('booleans of 1.2', 'a: true\nb: False\nc: TRUE\n'),
  yaml('booleans of 1.1 are texts', 'a: yes\nb: No\nc: on\nd: off\ne: y\nf: N\n'),
  yaml('big integers', 'a: 9007199254740993\nb: 9223372036854775807\nc: -9223372036854775808\n'),
  yaml('an unsigned integer', 'a: 9223372036854775808\n'),
  yaml('the largest unsigned integer', 'a: 18446744073709551615\n'),
  yaml('a text of digits', 'a: "18446744073709551616"\nb: \'007\'\n'),
  yaml('bases', 'a: 0x1f\nb: 0o17\nc: 010\nd: 0b101\ne: 08\nf: -0x10\ng: +12\nh: 1_000\ni: 1__2_\n'),
  yaml('floats', 'a: 1.5\nb: 1e3\nc: -0.0\nd: .5\ne: 1.\nf: 1e-7\ng: 1.7976931348623157e308\nh: 6.02E+23\n'),
  yaml('floats that are none', 'a: 1e400\nb: 1.2.3\nc: 1:30\nd: 190:20:30\ne: -\nf: "+"\ng: .\nh: 1e\ni: ._5\n'),
  yaml('infinities', 'a: .inf\nb: -.Inf\nc: +.INF\n'),
  yaml('not a number', 'a: .nan\nb: .NaN\n'),
  yaml('minus zero', 'a: -0\nb: -0.0\nc: 0.0\n'),
  yaml(
    'timestamps',
    'a: 2001-12-14\nb: 2001-12-14T21:59:43.10-05:00\nc: 2001-12-14 21:59:43.100\nd: 2001-1-2t3:4:5Z\ne: 2001-02-30\nf: 2001-12-14 21:59:43.10 -5\ng: 2024-02-29\n',
  ),
  yaml(
    'quoted styles',
    "a: 'it''s'\nb: \"tab\\t nl\\n uni\\u00e9 \\x41\"\nc: plain with spaces\nd: 'multi\n  line\n\n  end'\n",
  ),
  yaml('literal blocks', 'a: |\n  one\n   two\n\n  three\nb: |-\n  strip\nc: |+\n  keep\n\nd: x\n'),
  yaml('folded blocks', 'a: >\n  one\n  two\n\n  three\nb: >-\n  strip\n  ped\n'),
  yaml('an indentation indicator', 'a: |2\n    indented\n  less\n'),
  yaml('a private key', 'key: |\n  -----BEGIN PRIVATE KEY-----\n  MIIE+/==\n  -----END PRIVATE KEY-----\n'),
  yaml('CRLF', 'a: x\r\nb:\r\n  c: |\r\n    one\r\n    two\r\nd: "q"\r\n'),
  yaml('a BOM', '\uFEFFa: x\nb: y\n'),
  yaml('tabs inside', 'a: "x\ty"\nb: x\ty\nc: x\t# comment\n'),
  yaml('a tab as indentation', 'a:\n\tb: x\n'),
  yaml('unicode and emoji', 'é: ü\n"🔑": "🔒 日本語"\nz: ɐ\n'),
  yaml('keys with dots, colons, spaces', 'a.b: 1\n"c:d": 2\ne f: 3\n"g#h": 4\n"": 5\n'),
  yaml('keys that are numbers', '1: a\n'),
  yaml('keys that are booleans', 'true: a\n'),
  yaml('keys that are null', '~: a\n'),
  yaml('keys that are dates', '2001-12-14: a\n'),
  yaml('quoted keys that look like others', '"1": a\n"true": b\n\'null\': c\n"~": e\n'),
  yaml('a quoted merge key', '"<<": d\n', sops),
  yaml('duplicate keys', 'a: 1\na: 2\n'),
  yaml('duplicate keys inside', 'x:\n  a: 1\n  a: 2\n'),
  yaml('a key called sops below the top', 'a:\n  sops: x\n'),
  yaml('a very long value', `a: ${'x'.repeat(200_000)}\n`),
  yaml('an integer beyond 2^64', 'a: 123456789012345678901234567890\n', sops),
  yaml('a long key', `${'k'.repeat(120)}: x\n`),
  yaml('a tag', 'a: !!str 1\n', sops),
  yaml('binary', 'a: !!binary aGk=\n', sops),
  yaml('an explicit key', '? a\n: x\n', sops),
  yaml('a list at the top', '- a\n'),
  yaml('a text at the top', 'hello\n'),
  yaml(
    'values that look encrypted or special',
    'a: "ENC[x]"\nb: "{c}"\nd: "[e]"\nf: "@g"\nh: "`i`"\nj: "%k"\nl: "null"\nm: "12"\nn: "2001-12-14"\no: "true"\np: " lead"\nq: "trail "\nr: "- s"\nt: "? u"\nv: "# w"\n',
  ),
  yaml('control characters', 'a: "\\0\\x1b\\x7f\\x85\\u2028\\ufeff"\n'),
  yaml('a plain text over lines', 'a: one\n  two\n\n  three\nb: x\n'),
  yaml('unencrypted_suffix', 'a_plain: 1\nb: 2\nc_plain:\n  d: 3\ne:\n  f_plain: yes\n  g: 010\n', {
    rules: { unencrypted_suffix: '_plain' },
  }),
  yaml('encrypted_suffix', 'a_enc: 1\nb: 2\nc_enc:\n  d: 3\n', { rules: { encrypted_suffix: '_enc' } }),
  yaml('encrypted_regex', fluxSecret, { rules: { encrypted_regex: '^(data|stringData)$' } }),
  yaml('encrypted_regex with a flag', 'Password: x\nuser: y\nPASSWORD2: z\n', {
    rules: { encrypted_regex: '(?i)^pass' },
  }),
  yaml('encrypted_regex with classes', 'key1: x\nkeyA: y\nkey_: z\n', {
    rules: { encrypted_regex: '^key[[:digit:]]$|\\Akey[^[:alnum:]]\\z' },
  }),
  yaml('unencrypted_regex', 'apiVersion: v1\nkind: Secret\nmetadata:\n  n: x\ndata:\n  p: y\n', {
    rules: { unencrypted_regex: '^(apiVersion|kind|metadata|type)$' },
  }),
  yaml('unencrypted_regex with names and counts', 'ab: 1\nabab: 2\nc: 3\n', {
    rules: { unencrypted_regex: '^(?P<x>ab){2,3}$' },
  }),
  yaml('mac_only_encrypted', fluxSecret, {
    rules: { encrypted_regex: '^(data|stringData)$', mac_only_encrypted: true },
  }),
  json('a JSON object', '{"a": "x", "b": {"c": [1, 2.5, true, null, "y"]}}\n'),
  json('JSON numbers', '{"a": 9007199254740993, "b": -9223372036854775808, "c": 1e3, "d": -0, "e": 2.0, "f": 1E-7}\n'),
  json('a JSON integer beyond 2^63', '{"a": 9223372036854775808}\n', sops),
  json('a JSON number beyond floats', '{"a": 1e400}\n'),
  json('JSON escapes', '{"a\\u0041": "\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00", "k.l": "é😀", "": "<&>"}\n'),
  json('half a surrogate in JSON', '{"a": "\\ud800x"}\n'),
  json('empty things in JSON', '{"a": "", "b": {}, "c": [], "d": null}\n'),
  json('JSON with a BOM', '\uFEFF{"a": 1}\n'),
  json('a JSON list', '[1]\n'),
  json('a JSON key of 2000 characters', `{"${'k'.repeat(2_000)}": "x"}\n`),
  json('a key sops in JSON', '{"a": {"sops": 1}, "b": 2}\n'),
  json('keys with colons in JSON', '{"a:b": {"c": "x"}, "a": {"b:c": "y"}, "1": "z", "__proto__": "p"}\n'),
  json('JSON with rules', '{"pub_plain": {"x": 1}, "sec": {"y": 2}}\n', { rules: { unencrypted_suffix: '_plain' } }),
  env('an env file', 'A=x\nB=y z\n# comment\nC="quoted"\nD=a=b=c\n'),
  env('escapes in env', 'A=one\\ntwo\nB=\\t\nC=a\\\\b\n'),
  env('empty values and lines in env', '\nA=\n\nB=x\n'),
  env('env without a last line break', 'A=x'),
  env('env with CRLF', 'A=x\r\nB=y\r\n'),
  env('env with spaces and exports', ' A = x \nexport B=y\n'),
  env('env with a line that is none', 'A=x\nnonsense\n'),
  env('env with a BOM and emoji', '\uFEFFA=x\nB=🔑é\n'),
  env('env with rules', 'A_plain=x\nB=y\n', { rules: { unencrypted_suffix: '_plain' } }),
  env('env with comments everywhere', '#\n#top\nA=x\n# B=secret\nB=y\n#end\n'),
];
