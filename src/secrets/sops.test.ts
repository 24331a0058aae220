import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { sopsProgram, sopsWith } from '../../test/support/sops.ts';
import { type PlainDocument, plainDocuments } from '../../test/support/sops-documents.ts';
import { newAgeKey } from './age.ts';
import { clearText, createDocument, replaceText, rotateDocument, setValue } from './document.ts';
import { openDocument } from './open.ts';
import { defaultRules } from './rules.ts';

const key = await newAgeKey();
const directory = mkdtempSync(join(tmpdir(), 'socle-sops-'));
afterAll(() => rmSync(directory, { recursive: true }));
const sops = sopsWith(key.identity.reveal(), directory);
const now = new Date('2026-11-22T12:00:00Z');
const identities = async () => [key.identity];
const ofSops = { yaml: 'yaml', json: 'json', env: 'dotenv' } as const;
const typesOf = (format: PlainDocument['format']) => ['--input-type', ofSops[format], '--output-type', ofSops[format]];
function write(name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}
const decrypted = (text: string, format: PlainDocument['format']) =>
  sops.text(['decrypt', ...typesOf(format), write(`d.${format}`, text)]);

interface Attempt {
  readonly text?: string;
  readonly error?: string;
  readonly message?: string;
}

describe.skipIf(!sopsProgram)('judged by the real sops (needs `sops` in PATH or $SOCLE_SOPS)', () => {
  test.each(plainDocuments)('$format: $name', async ({ format, text, rules = defaultRules, only }) => {
    const config = write('config.yaml', JSON.stringify({ creation_rules: [{ age: key.recipient, ...rules }] }));
    const theirs = sops.run(['--config', config, 'encrypt', ...typesOf(format), write(`p.${format}`, text)]);
    const ours = await createDocument(text, format, [key.recipient], rules, now).then(
      (document): Attempt => ({ text: document.source.text }),
      (error): Attempt => ({ error: error.code, message: error.message }),
    );
    if (theirs.status !== 0 || only === 'sops') {
      expect(ours.error, ours.message ?? ours.text).toMatch(/^secret-document-(invalid|unsupported)$/);
      expect(ours.message).toMatch(/line \d+, column \d+/);
      if (only === 'sops') {
        expect(theirs.status).toBe(0);
        const opened = await openDocument(theirs.stdout, format, identities).catch((error) => error);
        expect(opened.code).not.toBe('secret-document-tampered');
      }
      return;
    }
    expect(ours.message).toBeUndefined();
    if (only === 'socle') {
      expect(sops.run(['decrypt', ...typesOf(format), write(`d.${format}`, theirs.stdout)]).status).not.toBe(0);
      await expect(openDocument(theirs.stdout, format, identities)).rejects.toMatchObject({
        code: 'secret-document-unsupported',
      });
      expect(parse(decrypted(ours.text ?? '', format))).toEqual(parse(text));
      return;
    }
    const sealed = ours.text ?? '';

    // What Socle sealed reads for sops as what sops sealed, comments and types included.
    const clear = decrypted(theirs.stdout, format);
    expect(decrypted(sealed, format)).toBe(clear);

    // What sops sealed opens here; one value is set, and sops finds what its own `set` makes.
    const opened = await openDocument(theirs.stdout, format, identities);
    const set = setValue(opened, ['added'], 'a "new" value: #1', now).text;
    const file = write(`s.${format}`, theirs.stdout);
    sops.text(['set', ...typesOf(format), file, '["added"]', JSON.stringify('a "new" value: #1')]);
    expect(decrypted(set, format)).toBe(decrypted(readFileSync(file, 'utf8'), format));
    const kept = set.split('\n');
    const lost = theirs.stdout.split('\n').filter((line) => !kept.includes(line) && !kept.includes(`${line},`));
    expect(lost.filter((line) => !/lastmodified|mac/.test(line))).toEqual([]);

    // Edited in clear: the same content comes out, and a new data key changes nothing else.
    const shown = clearText(opened);
    const again = replaceText(opened, shown, now);
    expect(decrypted(again, format)).toBe(clear);
    expect(decrypted(await rotateDocument(opened, [key.recipient], now), format)).toBe(clear);
  });
});
