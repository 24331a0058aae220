import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { program as socle } from '../kernel/program.ts';

let directory: string;
let recipient: string;
let env: NodeJS.ProcessEnv;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'socle-secret-'));
  env = { PATH: process.env.PATH, HOME: directory, SOPS_AGE_KEY_FILE: join(directory, 'operator.agekey') };
  recipient = execFileSync(socle, ['secret', 'keygen', join(directory, 'operator.agekey')], {
    env,
    encoding: 'utf8',
  }).trim();
});
afterAll(() => rmSync(directory, { recursive: true }));

const secret = (args: string[], input = '', extra = {}) =>
  spawnSync(socle, ['secret', ...args], { env: { ...env, ...extra }, cwd: directory, input, encoding: 'utf8' });

test('an identity is for its owner alone, and is never overwritten', () => {
  expect(statSync(join(directory, 'operator.agekey')).mode & 0o777).toBe(0o600);
  expect(recipient).toMatch(/^age1/);
  const again = secret(['keygen', 'operator.agekey']);
  expect(again.status).toBe(2);
  expect(again.stderr).toContain('not overwritten');
});

test('a value goes in by standard input, and comes out for who holds the key', () => {
  expect(secret(['set', 'host.yaml', 'smtp.password', '--recipient', recipient], 'café-canary\n').status).toBe(0);
  expect(readFileSync(join(directory, 'host.yaml'), 'utf8')).not.toContain('canary');
  expect(secret(['get', 'host.yaml', 'smtp.password']).stdout).toBe('café-canary\n');
  expect(secret(['set', 'host.yaml', 'smtp.user'], 'ops').status).toBe(0);
  expect(JSON.parse(secret(['list', 'host.yaml', '--json']).stdout)).toEqual([
    { key: 'smtp.password', encrypted: true },
    { key: 'smtp.user', encrypted: true },
  ]);
  expect(secret(['set', 'host.yaml', 'smtp.user', '--remove']).status).toBe(0);
  expect(secret(['get', 'host.yaml', 'smtp.user']).stderr).toContain('smtp.user');
});

test('without the key nothing is shown, and the message says whose key opens it', () => {
  const refused = secret(['get', 'host.yaml', 'smtp.password'], '', { SOPS_AGE_KEY_FILE: '/nonexistent' });
  expect(refused.status).toBe(77);
  expect(refused.stderr).toContain('/nonexistent');
});

test('an editor changes one value and the others keep their text', () => {
  const before = readFileSync(join(directory, 'host.yaml'), 'utf8').split('\n');
  expect(secret(['set', 'host.yaml', 'smtp.port'], '587').status).toBe(0);
  const edited = secret(['edit', 'host.yaml'], '', { EDITOR: "sed -i 's/587/465/'" });
  expect(edited.status).toBe(0);
  expect(secret(['get', 'host.yaml', 'smtp.port']).stdout).toBe('465\n');
  expect(readFileSync(join(directory, 'host.yaml'), 'utf8')).toContain(
    before.find((line) => line.includes('password:')),
  );
  const failed = secret(['edit', 'host.yaml'], '', { EDITOR: 'false' });
  expect(failed.status).toBe(2);
  expect(secret(['get', 'host.yaml', 'smtp.port']).stdout).toBe('465\n');
});

test('rotation shuts out who is no longer a recipient', () => {
  const other = secret(['keygen', 'second.agekey']).stdout.trim();
  expect(secret(['rotate', 'host.yaml', '--recipient', other]).status).toBe(0);
  const refused = secret(['get', 'host.yaml', 'smtp.password']);
  expect(refused.status).toBe(77);
  expect(refused.stderr + refused.stdout).toContain(other);
  expect(secret(['get', 'host.yaml', 'smtp.password', '--identity', 'second.agekey']).stdout).toBe('café-canary\n');
});

test('a document for Flux leaves everything but its data in clear', () => {
  const manifest = 'db.yaml';
  secret(['set', manifest, 'stringData.password', '--kubernetes', '--recipient', recipient], 'canary');
  secret(['set', manifest, 'kind'], 'Secret');
  const text = readFileSync(join(directory, manifest), 'utf8');
  expect(text).toContain('kind: Secret');
  expect(text).toContain('encrypted_regex: ^(data|stringData)$');
  expect(text).not.toContain('canary');
});

test('keys and values that a document cannot hold are refused, and the document stays', () => {
  secret(['set', 't.env', 'A', '--recipient', recipient], 'x');
  const before = readFileSync(join(directory, 't.env'));
  const bytes = Buffer.from([0x61, 0xff, 0x62]);
  for (const [key, value] of [
    ['A=B', 'x'],
    ['#A', 'x'],
    ['A\nB', 'x'],
    ['sops_mac', 'x'],
    ['a.b', 'x'],
    ['B', 'one\\ntwo'],
    ['B', bytes],
  ] as const) {
    const refused = spawnSync(socle, ['secret', 'set', 't.env', key], {
      env,
      cwd: directory,
      input: value,
      encoding: 'utf8',
    });
    expect([key, refused.status, refused.stderr]).toEqual([key, 2, expect.stringContaining('error: ')]);
    expect(readFileSync(join(directory, 't.env'))).toEqual(before);
  }
  expect(secret(['set', 'host.yaml', 'sops.x', '--identity', 'second.agekey'], 'x').stderr).toContain(
    'belongs to sops',
  );
  expect(secret(['set', 'host.yaml', 'smtp', '--identity', 'second.agekey'], 'x').stderr).toContain(
    'holds values of its own',
  );
  expect(readdirSync(directory).filter((name) => name.endsWith('.next'))).toEqual([]);
});

test("a link, its target's mode and its owner stay", () => {
  secret(['set', 'target.yaml', 'a', '--recipient', recipient], 'x');
  symlinkSync('target.yaml', join(directory, 'link.yaml'));
  for (const mode of [0o400, 0o640]) {
    chmodSync(join(directory, 'target.yaml'), mode);
    if (process.getuid?.() === 0) chownSync(join(directory, 'target.yaml'), 12_345, 54_321);
    expect(secret(['set', 'link.yaml', 'a'], `y${mode}`).status).toBe(0);
    expect(lstatSync(join(directory, 'link.yaml')).isSymbolicLink()).toBe(true);
    const { mode: after, uid, gid } = statSync(join(directory, 'target.yaml'));
    expect(after & 0o777).toBe(mode);
    if (process.getuid?.() === 0) expect([uid, gid]).toEqual([12_345, 54_321]);
    expect(secret(['get', 'target.yaml', 'a']).stdout).toBe(`y${mode}\n`);
  }
});

test('an identity comes from the variables of sops, one or all', () => {
  const key = readFileSync(join(directory, 'operator.agekey'), 'utf8').split('\n')[2] ?? '';
  const none = { SOPS_AGE_KEY_FILE: undefined };
  expect(secret(['get', 'target.yaml', 'a'], '', { ...none, SOPS_AGE_KEY: key }).status).toBe(0);
  const command = `sh -c 'test "$SOPS_AGE_RECIPIENT" = ${recipient} && cat operator.agekey'`;
  expect(secret(['get', 'target.yaml', 'a'], '', { ...none, SOPS_AGE_KEY_CMD: command }).status).toBe(0);
  // One that opens nothing beside one that does, as sops takes them.
  const both = { SOPS_AGE_KEY_FILE: 'second.agekey', SOPS_AGE_KEY: `${key} ${key}` };
  expect(secret(['get', 'target.yaml', 'a'], '', both).status).toBe(0);
  const failed = secret(['get', 'target.yaml', 'a'], '', { ...none, SOPS_AGE_KEY_CMD: 'false' });
  expect([failed.status, failed.stderr]).not.toEqual([70, expect.anything()]);
  expect(failed.stderr).not.toContain('internal');
});

test('a document that is not UTF-8 is refused with its place', () => {
  writeFileSync(join(directory, 'latin.env'), Buffer.from('A=x\nB=caf\xe9\n', 'latin1'));
  const refused = secret(['list', 'latin.env']);
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('line 2, column 6')]);
});
