import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sopsProgram, sopsWith } from '../../test/support/sops.ts';
import { newAgeKey } from './age.ts';
import { createDocument, replaceText, rotateDocument, setValue } from './document.ts';
import { openDocument, openWith } from './open.ts';
import { defaultRules, isEncrypted } from './rules.ts';

const now = new Date('2026-11-22T12:00:00Z');
const [key, second] = [await newAgeKey(), await newAgeKey()];
const identities = async () => [key.identity];
const made = (await createDocument('a: x # one\nb: y\n', 'yaml', [key.recipient], defaultRules, now)).source.text;

test('metadata of every kind stays byte by byte when a value is set, and a new data key is refused', async () => {
  const more = [
    '    kms:\n        - arn: arn:aws:kms:eu-west-1:1:key/2\n          created_at: "2026-01-01T00:00:00Z"\n          enc: AQI=\n          aws_profile: ""\n',
    '    gcp_kms: [{resource_id: projects/p, created_at: "2026-01-01T00:00:00Z", enc: "x"}]\n',
    '    azure_kv:\n      - vault_url: https://x.example\n        name: n\n        version: v\n        created_at: "2026-01-01T00:00:00Z"\n        enc: x\n',
    '    hc_vault:\n        - vault_address: https://v.example\n          engine_path: sops\n          key_name: k\n          created_at: "2026-01-01T00:00:00Z"\n          enc: vault:v1:x\n',
    '    pgp:\n        - created_at: "2026-01-01T00:00:00Z"\n          enc: |-\n            -----BEGIN PGP MESSAGE-----\n\n            x\n            -----END PGP MESSAGE-----\n          fp: ABC\n',
    '    future_thing: {a: 1}\n',
  ];
  for (const part of more) {
    const text = made.replace('sops:\n', `sops:\n${part}`);
    const document = await openDocument(text, 'yaml', identities);
    const set = setValue(document, ['c'], 'z', now).text;
    const changed = (from: string, to: string) => from.split('\n').filter((line) => !to.split('\n').includes(line));
    expect(changed(text, set).filter((line) => !/lastmodified|mac:/.test(line))).toEqual([]);
    expect(
      changed(set, text)
        .filter((line) => !/lastmodified|mac:/.test(line))
        .map((line) => line.slice(0, 6)),
    ).toEqual(['c: ENC']);
    expect(replaceText(document, 'a: x # one\nb: other\n', now)).toContain(part);
    await expect(rotateDocument(document, [key.recipient], now)).rejects.toMatchObject({
      code: 'secret-document-unsupported',
    });
  }
});

test('what Socle does not know is never called tampered with', async () => {
  const code = (text: string) =>
    openDocument(text, 'yaml', identities).then(
      () => 'opened',
      (error) => error.code,
    );
  const rule = (line: string) => made.replace(/ {4}unencrypted_suffix: .*\n/, () => `    ${line}\n`);
  expect(await code(rule('encrypted_comment_regex: sops:enc'))).toBe('secret-document-unsupported');
  expect(await code(rule('encrypted_regex: "^(?!a)"'))).toBe('secret-document-unsupported');
  expect(await code(rule("encrypted_regex: '^\\C$'"))).toBe('secret-document-unsupported');
  expect(await code(rule('future_rule: x').replace(/b: .*/, 'b: clear'))).toBe('secret-document-unsupported');
  expect(await code(made.replace(/b: .*/, 'b: clear'))).toBe('secret-document-tampered');
  expect(await code(`${made}---\na: 1\n`)).toBe('secret-document-unsupported');
  expect(await code(made.replace('b: ENC', '<<: ENC'))).toBe('secret-document-unsupported');
});

test.each([
  ['(?i)PASS', 'password', true],
  ['^[[:alpha:]]+$', 'abc', true],
  ['^[[:alpha:]]+$', 'é', false],
  ['^\\w+$', 'é', false],
  ['a.c', 'a\rc', true],
  ['\\Qa.b\\E', 'a.b', true],
  ['^\\p{Greek}+$', 'αβγ', true],
  ['^\\pL+$', 'éa', true],
  ['x{2,}', 'axx', true],
  ['x{,2}', 'x{,2}', true],
  ['[]a]', ']', true],
  ['^\\s$', '\u00a0', false],
  ['^[^-a]$', '-', false],
  ['\\Aab\\z', 'ab', true],
])('the expression %s is read as RE2 does (%s)', (expression, text, matches) => {
  expect(isEncrypted([text], { encrypted_regex: expression })).toBe(matches);
});

describe.skipIf(!sopsProgram || spawnSync('gpg', ['--version']).status !== 0)('with the real sops and GnuPG', () => {
  let home: string;
  let fingerprint: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'socle-pgp-'));
    mkdirSync(join(home, 'gnupg'), { mode: 0o700 });
    const env = { PATH: process.env.PATH, GNUPGHOME: join(home, 'gnupg') };
    execFileSync('gpg', ['--batch', '--passphrase', '', '--quick-gen-key', 'test@example.org', 'default', 'default'], {
      env,
      stdio: 'ignore',
    });
    const listed = execFileSync('gpg', ['--list-keys', '--with-colons'], { env, encoding: 'utf8' });
    fingerprint = /^fpr:+([\dA-F]+):/m.exec(listed)?.[1] ?? '';
  });
  afterAll(() => {
    spawnSync('gpgconf', ['--kill', 'all'], { env: { PATH: process.env.PATH, GNUPGHOME: join(home, 'gnupg') } });
    rmSync(home, { recursive: true });
  });
  const plain = { yaml: 'a: x\nb: {c: y}\n', json: '{"a": "x", "b": {"c": "y"}}\n', env: 'A=x\nB=y\n' };
  const types = { yaml: 'yaml', json: 'json', env: 'dotenv' };
  const encrypt = (format: keyof typeof plain, rules: object) => {
    writeFileSync(join(home, 'config.yaml'), JSON.stringify({ creation_rules: [rules] }));
    writeFileSync(join(home, `p.${format}`), plain[format]);
    const type = ['--input-type', types[format], '--output-type', types[format]];
    return sopsWith('', home).text([
      '--config',
      join(home, 'config.yaml'),
      'encrypt',
      ...type,
      join(home, `p.${format}`),
    ]);
  };

  test.each(['yaml', 'json', 'env'] as const)(
    'a colleague with PGP still opens a %s document after a value was set',
    async (format) => {
      const text = encrypt(format, { age: key.recipient, pgp: fingerprint });
      const document = await openDocument(text, format, identities);
      writeFileSync(join(home, `d.${format}`), setValue(document, ['added'], 'new', now).text);
      const type = ['--input-type', types[format], '--output-type', types[format]];
      const shown = sopsWith('', home).text(['decrypt', ...type, join(home, `d.${format}`)]);
      expect(shown).toMatch(/added.*new/);
      await expect(rotateDocument(document, [key.recipient], now)).rejects.toMatchObject({
        code: 'secret-document-unsupported',
      });
    },
  );

  test('key groups: two of three open it, and all three stay', async () => {
    const groups = [{ age: [key.recipient] }, { age: [second.recipient] }, { pgp: [fingerprint] }];
    const text = encrypt('yaml', { shamir_threshold: 2, key_groups: groups });
    await expect(openDocument(text, 'yaml', identities)).rejects.toMatchObject({ code: 'secret-key-missing' });
    const document = await openDocument(text, 'yaml', async () => [key.identity, second.identity]);
    const set = setValue(document, ['added'], 'new', now).text;
    expect(openWith(set, 'yaml', document.dataKey).source.metadata?.value.key_groups).toHaveLength(3);
    writeFileSync(join(home, 'g.yaml'), set);
    // One age key and PGP.
    expect(sopsWith(key.identity.reveal(), home).text(['decrypt', join(home, 'g.yaml')])).toContain('added: new');
    expect(readFileSync(join(home, 'g.yaml'), 'utf8')).toContain('shamir_threshold: 2');
    await expect(rotateDocument(document, [key.recipient], now)).rejects.toMatchObject({
      code: 'secret-document-unsupported',
    });
  });

  test('a document for PGP alone says so', async () => {
    const error = await openDocument(encrypt('yaml', { pgp: fingerprint }), 'yaml', identities).catch(
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ code: 'secret-key-missing', message: expect.stringContaining('pgp') });
  });
});
