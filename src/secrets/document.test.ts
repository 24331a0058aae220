import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { Secret } from '../kernel/secret.ts';
import { newAgeKey, parseIdentities } from './age.ts';
import { clearText, createDocument, rotateDocument, setValue } from './document.ts';
import { type Format, formatOf } from './formats/index.ts';
import { formatFloat } from './go-scalar.ts';
import { openDocument } from './open.ts';
import { defaultRules, kubernetesRules } from './rules.ts';

const vector = (name: string) => readFileSync(new URL(`../../test/vectors/sops/${name}`, import.meta.url), 'utf8');
const [a, b] = ['a.agekey', 'b.agekey'].map((name) => parseIdentities(vector(name))) as [Secret[], Secret[]];
const openFor = (text: string, format: Format, keys: readonly Secret[]) => openDocument(text, format, async () => keys);
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
  const document = await openFor(vector(encrypted), formatOf(encrypted), a);
  const text = clearText(document);
  if (formatOf(encrypted) === 'yaml') expect(parse(text)).toEqual(parse(vector(decrypted)));
  else expect(text.trimEnd()).toBe(vector(decrypted).trimEnd());
});

test('comments come back', async () => {
  const document = await openFor(vector('mixed.two-recipients.enc.yaml'), 'yaml', b);
  expect(clearText(document)).toBe(vector('mixed.decrypted.yaml'));
});

test('a document of one recipient does not open for another, and says whose it is', async () => {
  await expect(openFor(vector('secret.enc.yaml'), 'yaml', b)).rejects.toMatchObject({
    code: 'secret-key-missing',
    details: { recipients: [recipientA] },
  });
});

test.each(['tampered.value.enc.yaml', 'tampered.plaintext.enc.yaml'])('%s is refused', async (name) => {
  await expect(openFor(vector(name), 'yaml', a)).rejects.toMatchObject({ code: 'secret-document-tampered' });
});

test('writing a document back changes the lines that changed and no others', async () => {
  const before = vector('secret.enc.yaml');
  const document = await openFor(before, 'yaml', a);
  const after = setValue(document, ['stringData', 'password'], 'another', now).text;
  const changed = after.split('\n').filter((line, i) => line !== before.split('\n')[i]);
  expect(changed.map((line) => line.trim().split(':')[0])).toEqual(['password', 'lastmodified', 'mac']);
});

test('rotation changes the data key and shuts an old recipient out', async () => {
  const key = await newAgeKey();
  const document = await openFor(vector('secret.enc.yaml'), 'yaml', a);
  const text = await rotateDocument(document, [key.recipient], now);
  await expect(openFor(text, 'yaml', a)).rejects.toMatchObject({ code: 'secret-key-missing' });
  const opened = await openFor(text, 'yaml', [key.identity]);
  expect(parse(clearText(opened))).toEqual(parse(vector('secret.decrypted.yaml')));
});

test('a value that was swapped with another one of the same document is refused', async () => {
  const lines = vector('secret.enc.yaml').split('\n');
  const at = (name: string) => lines.findIndex((line) => line.trim().startsWith(`${name}: ENC`));
  const [u, p] = [at('username'), at('password')];
  const value = (i: number) => lines[i]?.slice(lines[i].indexOf('ENC')) ?? '';
  const swapped = lines.with(u, `    username: ${value(p)}`).with(p, `    password: ${value(u)}`);
  await expect(openFor(swapped.join('\n'), 'yaml', a)).rejects.toMatchObject({ code: 'secret-document-tampered' });
});

test('nothing of an error tells the value', async () => {
  const document = await createDocument('data:\n  x: canary-value\n', 'yaml', [recipientA], kubernetesRules, now);
  const { text } = document.source;
  expect(text).not.toContain('canary-value');
  const error: Error = await openFor(text.replace('data:', 'stringData:'), 'yaml', a).then(
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
      const document = await createDocument(JSON.stringify(data), 'json', [key.recipient], defaultRules, now);
      const opened = await openFor(document.source.text, 'json', [key.identity]);
      expect(JSON.parse(clearText(opened))).toEqual(JSON.parse(JSON.stringify(data)));
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
