import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
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
