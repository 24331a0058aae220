import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { Secret } from '../kernel/secret.ts';
import { newAgeKey, parseIdentities } from './age.ts';
import { formatFloat } from './cipher.ts';
import { newDocument, openDocument, rotate, sealDocument } from './document.ts';
import { formatOf } from './formats/index.ts';
import { defaultRules, kubernetesRules } from './rules.ts';

const vector = (name: string) => readFileSync(new URL(`../../test/vectors/sops/${name}`, import.meta.url), 'utf8');
const a = parseIdentities(vector('a.agekey'));
const b = parseIdentities(vector('b.agekey'));
const recipientA = 'age14n40carauukmtrqd06gxwgfjaza0mr5n0kvfwlha7e7njl7na5fqk8pdjp';
const now = new Date('2026-11-22T12:00:00Z');

test.each([
  ['secret.enc.yaml', 'secret.decrypted.yaml'],
  ['secret.mac-only-encrypted.enc.yaml', 'secret.decrypted.yaml'],
  ['mixed.two-recipients.enc.yaml', 'mixed.decrypted.yaml'],
  ['suffix.enc.yaml', 'suffix.decrypted.yaml'],
  ['doc.enc.json', 'doc.decrypted.json'],
  ['env.enc.env', 'env.decrypted.env'],
])('%s, made by sops, opens to %s', async (encrypted, decrypted) => {
  const document = await openDocument(vector(encrypted), formatOf(encrypted), a);
  const text = document.file.toString();
  if (formatOf(encrypted) === 'yaml') expect(parse(text)).toEqual(parse(vector(decrypted)));
  else expect(text.trimEnd()).toBe(vector(decrypted).trimEnd());
});

test('comments come back', async () => {
  const document = await openDocument(vector('mixed.two-recipients.enc.yaml'), 'yaml', b);
  expect(document.file.toString()).toBe(vector('mixed.decrypted.yaml'));
});

test('a document of one recipient does not open for another, and says whose it is', async () => {
  await expect(openDocument(vector('secret.enc.yaml'), 'yaml', b)).rejects.toMatchObject({
    code: 'secret-key-missing',
    details: { recipients: [recipientA] },
  });
});

test.each(['tampered.value.enc.yaml', 'tampered.plaintext.enc.yaml'])('%s is refused', async (name) => {
  await expect(openDocument(vector(name), 'yaml', a)).rejects.toMatchObject({ code: 'secret-document-tampered' });
});

test('writing a document back changes the lines that changed and no others', async () => {
  const before = vector('secret.enc.yaml');
  const document = await openDocument(before, 'yaml', a);
  document.file.setValue(['stringData', 'password'], 'another');
  const after = sealDocument(document, now);
  const changed = after.split('\n').filter((line, i) => line !== before.split('\n')[i]);
  expect(changed.map((line) => line.trim().split(':')[0])).toEqual(['password', 'lastmodified', 'mac']);
});

test('rotation changes the data key and shuts an old recipient out', async () => {
  const key = await newAgeKey();
  const document = await openDocument(vector('secret.enc.yaml'), 'yaml', a);
  const text = sealDocument(await rotate(document, [key.recipient]), now);
  await expect(openDocument(text, 'yaml', a)).rejects.toMatchObject({ code: 'secret-key-missing' });
  const opened = await openDocument(text, 'yaml', [key.identity]);
  expect(parse(opened.file.toString())).toEqual(parse(vector('secret.decrypted.yaml')));
});

test('a value that was swapped with another one of the same document is refused', async () => {
  const lines = vector('secret.enc.yaml').split('\n');
  const at = (name: string) => lines.findIndex((line) => line.trim().startsWith(`${name}: ENC`));
  const [u, p] = [at('username'), at('password')];
  const value = (i: number) => lines[i]?.slice(lines[i].indexOf('ENC')) ?? '';
  const swapped = lines.with(u, `    username: ${value(p)}`).with(p, `    password: ${value(u)}`);
  await expect(openDocument(swapped.join('\n'), 'yaml', a)).rejects.toMatchObject({ code: 'secret-document-tampered' });
});

test('nothing of an error tells the value', async () => {
  const document = await newDocument('data:\n  x: canary-value\n', 'yaml', [recipientA], kubernetesRules);
  const text = sealDocument(document, now);
  expect(text).not.toContain('canary-value');
  const error: Error = await openDocument(text.replace('data:', 'stringData:'), 'yaml', a).then(
    () => Promise.reject(new Error('opened')),
    (thrown) => thrown,
  );
  expect(JSON.stringify(error) + error.stack + String(new Secret('canary-value'))).not.toContain('canary-value');
});

test('any text, number and list survives encryption and decryption', async () => {
  const key = await newAgeKey();
  const scalar = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const names = fc.string({ minLength: 1 }).filter((name) => name !== 'sops' && name !== '<<' && name !== '__proto__');
  const content = fc.dictionary(names, fc.oneof(scalar, fc.array(scalar), fc.dictionary(names, scalar)));
  await fc.assert(
    fc.asyncProperty(content, async (data) => {
      const document = await newDocument(JSON.stringify(data), 'json', [key.recipient], defaultRules);
      const opened = await openDocument(sealDocument(document, now), 'json', [key.identity]);
      expect(JSON.parse(opened.file.toString())).toEqual(JSON.parse(JSON.stringify(data)));
    }),
    { numRuns: 60 },
  );
});

test('floats are written as Go writes them', () => {
  expect([2.5, 1e21, 1.5e-7, -3e22, 0.1].map(formatFloat)).toEqual([
    '2.5',
    '1000000000000000000000',
    '0.00000015',
    '-30000000000000000000000',
    '0.1',
  ]);
});

const sops = join(homedir(), '.cache/socle/mirror/bin/sops');
test.skipIf(!existsSync(sops)).each([
  ['mixed.plain.yaml', 'yaml'],
  ['secret.plain.yaml', 'yaml'],
  ['doc.plain.json', 'json'],
  ['env.plain.env', 'env'],
] as const)('the real sops opens what Socle made of %s (needs sops in the artifact mirror)', async (name, format) => {
  const directory = mkdtempSync(join(tmpdir(), 'socle-sops-'));
  try {
    const rules = name.startsWith('secret') ? kubernetesRules : defaultRules;
    const document = await newDocument(vector(name), format, [recipientA], rules);
    const file = join(directory, `x.${format}`);
    writeFileSync(file, sealDocument(document, now));
    const env = { PATH: process.env.PATH, SOPS_AGE_KEY: a[0]?.reveal() };
    const text = execFileSync(sops, ['decrypt', file], { env, encoding: 'utf8' });
    const expected = vector(name.replace('plain', 'decrypted'));
    if (format === 'yaml') expect(parse(text)).toEqual(parse(expected));
    else expect(text.trimEnd()).toBe(expected.trimEnd());
  } finally {
    rmSync(directory, { recursive: true });
  }
});
