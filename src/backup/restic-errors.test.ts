import { expect, test } from 'vitest';
import { Secret } from '../kernel/secret.ts';
import { mask, readRepository } from './repository.ts';
import { resticFailure } from './restic-errors.ts';
import { optionArguments, variables, withoutSftpArguments } from './restic-options.ts';
import { retryWatch, withoutTraces } from './restic-watch.ts';

/** Recorded from restic 0.14 (Debian 12) and 0.18 (Debian 13). */
test.each([
  [
    'vault-absent',
    1,
    'Fatal: unable to open config file: stat /v/config: no such file or directory\nIs there a repository at the following location?\n/v',
  ],
  [
    'vault-absent',
    10,
    'Fatal: repository does not exist: unable to open config file: stat /v/config: no such file or directory',
  ],
  ['vault-wrong-password', 1, 'Fatal: wrong password or no key found'],
  ['vault-wrong-password', 12, 'Fatal: wrong password or no key found'],
  [
    'vault-locked',
    1,
    'unable to create lock in backend: repository is already locked exclusively by PID 5929 on vm by root (UID 0, GID 0)',
  ],
  ['vault-locked', 11, 'whatever a later version says'],
  [
    'vault-locked',
    130,
    'Load(<lock/e393c88d1d>, 0, 0) returned error, retrying after 552.330144ms: open /v/locks/e393c88d1db0: no such file or directory\nsignal interrupt received, cleaning up',
  ],
  [
    'vault-unreachable',
    1,
    'Fatal: unable to open config file: client.Head: Head "http://u:***@127.0.0.1:9/x/config": dial tcp 127.0.0.1:9: connect: connection refused\nIs there a repository at the following location?',
  ],
  [
    'vault-unreachable',
    1,
    'Fatal: unable to open config file: client.Head: dial tcp: lookup nohost.invalid: no such host\nIs there a repository at the following location?',
  ],
  [
    'vault-unreachable',
    1,
    'subprocess ssh: ssh: connect to host 127.0.0.1 port 9: Connection refused\nFatal: unable to start the sftp session, error: EOF',
  ],
  [
    'vault-denied',
    1,
    'subprocess ssh: root@127.0.0.1: Permission denied (publickey).\nFatal: unable to start the sftp session, error: EOF',
  ],
  [
    'vault-denied',
    1,
    'subprocess ssh: root@127.0.0.1: Permission denied (publickey).\nFatal: unable to start the sftp session, error: error receiving version packet from server: server unexpectedly closed connection: unexpected EOF',
  ],
  [
    'vault-denied',
    1,
    'subprocess ssh: Host key verification failed.\nFatal: unable to start the sftp session, error: write |1: broken pipe',
  ],
  ['vault-denied', 1, 'Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized'],
  ['vault-full', 1, 'Fatal: unable to save snapshot: write /v/data/5e/5e91-tmp-4: no space left on device'],
  ['vault-damaged', 1, 'ignoring error for /a.dump: ciphertext verification failed\nFatal: There were 1 errors'],
  ['vault-damaged', 1, 'Fatal: repository contains errors'],
  ['vault-damaged', 2, 'loading tree for snapshot "latest" failed: id 6aacb935cf4096ef not found in repository'],
  [
    'vault-damaged',
    1,
    'Load(<data/85df192084>, 0, 0) returned error, retrying after 1s: open /v/data/85/85df192084f6: no such file or directory',
  ],
  ['not-found', 2, 'cannot dump file: path "/b.dump" not found in snapshot'],
  ['vault-unusable', 1, "Fatal: Unmarshal: invalid character ';' after object key"],
  ['vault-unusable', 1, 'Fatal: Unmarshal: unexpected end of JSON input'],
  ['vault-unusable', 1, 'Fatal: LoadRaw(<key/642c092183>): invalid data returned'],
  ['vault-unusable', 1, 'Fatal: config or key 3ccf0403b671f45b is damaged: ciphertext verification failed'],
  ['vault-unusable', 1, 'config file has zero size, invalid repository?'],
  ['vault-unusable', 1, 'Fatal: load <index/7ce8a3db2a>: invalid data returned'],
  ['vault-unusable', 1, 'LoadRaw(<index/9226652415>): invalid data returned'],
  [
    'vault-unusable',
    1,
    '{"message_type":"exit_error","code":1,"message":"Fatal: LoadRaw(\\u003ckey/642c092183\\u003e): invalid data returned"}',
  ],
  ['vault-unusable', 1, 'Fatal: invalid lock file: LoadRaw(<lock/26a229e8fe>): invalid data returned'],
  [
    'vault-unusable',
    1,
    'Load(<lock/94804ec070>, 0, 0) returned error, retrying after 1s: open /v/locks/94804ec070b7: permission denied',
  ],
  [
    'vault-damaged',
    1,
    'Load(<snapshot/cf1b35514e>, 0, 0) failed: open /v/snapshots/cf1b35514e9e0d9b: permission denied',
  ],
  ['vault-damaged', 1, 'Fatal: failed loading snapshot: load <snapshot/cc79bd3e1d>: invalid data returned'],
  ['vault-denied', 1, 'unable to create lock in backend: Save(<lock/94804ec070>) failed: permission denied'],
  ['vault-failed', 1, 'Fatal: something that nobody has seen yet'],
  ['vault-failed', 3, ''],
] as const)('%s is what restic means by %i: %s', (code, exitCode, output) => {
  expect(resticFailure('/v', exitCode, output)).toMatchObject({ code, details: { vault: '/v', exitCode } });
});

test('who holds the vault is named', () => {
  const output =
    'repository is already locked by PID 5929 on vm by root (UID 0, GID 0)\nlock was created at 2026-11-22 22:58:37 (2.9s ago)\nstorage ID abf';
  expect(resticFailure('/v', 1, output).message).toBe(
    'another process holds the vault /v: PID 5929 on vm by root (UID 0, GID 0) since 2026-11-22 22:58:37',
  );
});

test('a file that ends too early is damage on a disk of this machine, and a cut connection elsewhere', () => {
  const output = 'Load(<data/85df192084>, 0, 0) failed: unexpected EOF';
  expect(resticFailure('/v', 1, output, ['/v']).code).toBe('vault-damaged');
  expect(resticFailure('rest:https://v', 1, output).code).toBe('vault-unreachable');
});

test('restic is stopped when trying again is in vain, and not before', () => {
  const says = (cause: string, after: string) => `Stat(<config/>) returned error, retrying after ${after}: ${cause}`;
  const refused = retryWatch(30_000);
  expect(['4.6s', '10.6s', '13.1s', '31.2s'].map((after) => refused(says('connection refused', after)))).toEqual([
    false,
    false,
    false,
    true,
  ]);
  const missing = retryWatch(30_000);
  expect(['552.330144ms', '1.3s'].map((after) => missing(says('open x: no such file or directory', after)))).toEqual([
    false,
    true,
  ]);
  expect(retryWatch(0)('anything else')).toBe(false);
  expect(withoutTraces('Fatal: no\ngithub.com/restic/restic\n\t/main.go:98\nruntime.main\n')).toBe('Fatal: no');
});

test('addresses lose their credentials, and messages every secret', () => {
  const inFile = readRepository('rest:https://backup:p%40ss@vault.example:8000/shop/', new Map());
  expect(inFile).toMatchObject({ address: 'rest:https://vault.example:8000/shop/', directory: null });
  expect(mask('Head "https://backup:p%40ss@vault.example": p@ss is wrong', inFile.secrets)).toBe(
    'Head "https://[secret]@vault.example": [secret] is wrong',
  );
  const variablesOf = new Map([
    ['RESTIC_REST_USERNAME', new Secret('backup')],
    ['RESTIC_REST_PASSWORD', new Secret('a/b')],
  ]);
  expect(readRepository('rest:https://vault.example/shop/', variablesOf).location).toBe(
    'rest:https://backup:a%2Fb@vault.example/shop/',
  );
  expect(variables(variablesOf)).toEqual({});
  expect(readRepository('s3:s3.example.com/bucket', new Map()).address).toBe('s3:s3.example.com/bucket');
  expect(readRepository('local:/srv/vault', new Map())).toMatchObject({
    location: '/srv/vault',
    directory: '/srv/vault',
  });
});

test('restic 0.14 gets an sftp.command where newer ones get sftp.args', () => {
  const options = { 'sftp.args': '-i key', 'sftp.connections': '3' };
  expect(withoutSftpArguments(options, 'sftp://u@vault.example:2222//srv/v')).toEqual({
    'sftp.connections': '3',
    'sftp.command': 'ssh vault.example -p 2222 -l u -i key -s sftp',
  });
  expect(withoutSftpArguments(options, 'sftp:u@vault.example:/srv/v')['sftp.command']).toBe(
    'ssh vault.example -l u -i key -s sftp',
  );
});

test('a copy between vaults that contradict each other is refused', () => {
  expect(() => optionArguments({ 's3.region': 'a' }, { 's3.region': 'b' })).toThrow(/s3\.region/);
  expect(optionArguments({ 's3.region': 'a' }, { 's3.region': 'a' })).toEqual(['-o', 's3.region=a']);
  const key = (value: string) => new Map([['AWS_SECRET_ACCESS_KEY', new Secret(value)]]);
  expect(() => variables(key('one'), key('two'))).toThrow(/AWS_SECRET_ACCESS_KEY/);
});

test('a password that is a word of restic does not hide what restic said', () => {
  const said = 'Fatal: wrong password or no key found';
  const failure = resticFailure('/srv/vault', 1, said, [], (text) => mask(text, ['wrong']));
  expect(failure.code).toBe('vault-wrong-password');
  expect(JSON.stringify(failure.details)).not.toContain('wrong');
});
