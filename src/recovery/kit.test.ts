import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeKeyCheap } from '../../test/support/cheap-key.ts';
import { storeBackup } from '../../test/support/stored-backup.ts';
import { openVault } from '../backup/vault-open.ts';
import { exit } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';

const canary = 'canary-of-an-account-at-the-vault';
let root: string;
let home: string;
let cache: string;
let printed: string;

const at = (...path: string[]) => join(root, ...path);
const platformFile = () => at('work/platform.yaml');
const environment = () => ({ HOME: home, XDG_CACHE_HOME: cache, TMPDIR: at('tmp') });

async function cli(...args: string[]) {
  const { exitCode, stdout, stderr } = await run(socle, [...args, '--config', platformFile(), '--json'], {
    accept: Object.values(exit),
    cwd: at('work'),
    env: environment(),
  });
  printed += stdout + stderr;
  return { exitCode, answer: JSON.parse(stdout) };
}

const create = (to = at('usb/kit')) => cli('kit', 'create', '--to', to);
const confirm = (from = at('usb/kit')) => cli('kit', 'confirm', '--from', from);

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'socle-kit-cache-'));
});
afterAll(() => rm(cache, { recursive: true, force: true }));

/** A platform that is backed up by this machine, a vault with a backup, and a second vault that needs an account. */
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-kit-'));
  home = at('home');
  printed = '';
  for (const directory of ['work', 'usb', 'tmp', 'home/.ssh', 'home/.config']) {
    await mkdir(at(directory), { recursive: true });
  }
  await writeFile(at('work/vault.password'), 'the password of the host\n', { mode: 0o600 });
  await writeFile(at('work/account'), `${canary}\n`, { mode: 0o600 });
  await writeFile(
    platformFile(),
    `# a comment
name: shop
environment: dev
databases:
  - {name: orders, connection: {database: orders}}
backup:
  vault: {repository: vault, password: {file: vault.password}}
  copy:
    repository: copy
    password: {file: vault.password}
    environment: {AWS_SECRET_ACCESS_KEY: {file: account}}
ops: {state: state}
`,
  );
  await cli('secret', 'keygen', at('home/.config/keys.txt'));
  await mkdir(at('home/.config/sops/age'), { recursive: true });
  await run('mv', [at('home/.config/keys.txt'), at('home/.config/sops/age/keys.txt')]);
  await placeVaults();
});

/** Both vaults, made once, with a key that costs nothing to open. */
async function placeVaults(): Promise<void> {
  const made = join(cache, 'made');
  if (!existsSync(made)) {
    expect((await cli('vault', 'init')).exitCode).toBe(0);
    for (const name of ['vault', 'copy']) await makeKeyCheap(at('work', name), at('work/vault.password'));
    await mkdir(made);
    await run('cp', ['-a', at('work/vault'), at('work/copy'), made]);
  } else await run('cp', ['-a', join(made, 'vault'), join(made, 'copy'), at('work')]);
}

/** A backup in a vault of the platform, as `socle backup run` leaves it. */
async function putBackup(name: 'vault' | 'copy', id: string): Promise<void> {
  const vault = await openVault(
    { repository: at('work', name), password: { file: at('work/vault.password') }, options: {}, environment: {} },
    { platform: 'shop', cache: at('tmp/cache') },
  );
  const counts = [{ name: 'public.t', rows: 1 }];
  await storeBackup(vault, { id, database: 'orders', at: '2026-11-22T12:00:00Z', data: Buffer.from('x'), counts });
}
afterEach(() => rm(root, { recursive: true, force: true }));

/** Arguments of every process that runs meanwhile. */
async function argumentsDuring(work: () => Promise<unknown>): Promise<string> {
  const seen = new Set<string>();
  const look = () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        seen.add(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
      } catch {
        // It has ended.
      }
    }
  };
  const timer = setInterval(look, 15);
  await work().finally(() => clearInterval(timer));
  return [...seen].join('\n');
}

test('a kit opens the vaults without the host’s password, and its secrets are nowhere else', async () => {
  await putBackup('vault', 'b-1');
  await putBackup('copy', 'b-1');

  expect((await cli('kit', 'status')).answer.state).toBe('none');
  const ran = await argumentsDuring(async () => {
    const { exitCode, answer } = await create();
    expect({ exitCode, answer }).toMatchObject({ exitCode: 0, answer: { platform: 'shop', peer: null, ssh: null } });
  });
  const names = (await readdir(at('usb/kit'))).sort();
  expect(names).toEqual([
    'come-back.md',
    'kit.json',
    'operator.agekey',
    'platform.yaml',
    'restore-by-hand.md',
    'vault-2.AWS_SECRET_ACCESS_KEY',
    'vault.password',
  ]);
  for (const name of names) expect((await stat(at('usb/kit', name))).mode & 0o777, name).toBe(0o600);
  expect((await stat(at('usb/kit'))).mode & 0o777).toBe(0o700);
  const kit = (name: string) => readFile(at('usb/kit', name), 'utf8');
  expect(await kit('platform.yaml')).toBe(await readFile(platformFile(), 'utf8'));
  expect(await kit('platform.yaml')).toContain('# a comment\n');

  const unconfirmed = await cli('kit', 'status');
  expect(unconfirmed).toMatchObject({ exitCode: 3, answer: { state: 'unconfirmed' } });
  expect((await cli('status')).answer.recoveryKit.state).toBe('unconfirmed');
  const { answer: confirmed } = await confirm();
  expect(confirmed.vaults).toMatchObject([
    { address: at('work/vault'), backups: 1, newest: 'b-1', onHost: false },
    { address: at('work/copy'), backups: 1, newest: 'b-1', onHost: false },
  ]);
  expect(await cli('kit', 'status')).toMatchObject({ exitCode: 0, answer: { state: 'confirmed' } });
  const { answer: operations } = await cli('operations', 'list');
  expect(operations.map(({ action, result }: Record<string, string>) => `${action} ${result}`).slice(0, 3)).toEqual([
    'kit.confirm ok',
    'vault.add-key ok',
    'kit.create ok',
  ]);

  const secrets = [
    canary,
    (await kit('vault.password')).trim(),
    (await kit('operator.agekey')).trim().split('\n').at(-1) ?? '',
  ];
  const state = await readFile(at('work/state/socle.db'), 'latin1');
  const pages = (await kit('come-back.md')) + (await kit('kit.json')) + (await kit('platform.yaml'));
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(30);
    for (const [where, text] of Object.entries({ ran, printed, state, pages })) {
      expect(text.includes(secret), where).toBe(false);
    }
  }
  expect(ran).toContain('restic');
  expect(await readdir(at('usb'))).toEqual(['kit']);
}, 60_000);

test('the page opens the vault with restic alone', async () => {
  await create();
  const page = await readFile(at('usb/kit/come-back.md'), 'utf8');
  const [first = '', second = ''] = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text]) => text ?? '');
  await rm(at('work/vault.password'));
  for (const block of [first, second]) {
    const script = `set -eu\n${block}restic --no-lock --no-cache snapshots --json; env`;
    const { stdout } = await run('sh', ['-c', script], { cwd: at('usb/kit') });
    expect(stdout).toMatch(/^(\[\]|null)$/m);
    expect(stdout).toContain('PLATFORM=shop');
    expect(stdout.includes(`AWS_SECRET_ACCESS_KEY=${canary}`)).toBe(block === second);
  }
  expect(page).toContain('`orders`');
  expect(page).toContain('is lost with it');
});

test('a kit is refused in a place where it would be lost or published', async () => {
  await mkdir(at('usb/old'));
  expect((await create(at('usb/old'))).answer.error.code).toBe('already-there');
  expect((await create(at('work/state/kit'))).answer.error.message).toContain('in the state directory');
  expect((await create(at('work/vault/kit'))).answer.error.message).toContain('in the vault');
  expect((await create(at('absent/kit'))).answer.error.message).toContain('is not there');
  await run('git', ['init', '--quiet', at('usb')], { env: environment() });
  expect((await create()).answer.error.message).toContain('in the Git repository');
  const { exitCode, answer } = await cli('kit', 'create');
  expect({ exitCode, code: answer.error.code }).toEqual({ exitCode: 2, code: 'usage' });
});

test('one that cannot be made leaves nothing', async () => {
  const before = await readFile(platformFile(), 'utf8');
  const refused = async (code: string) => {
    expect((await create()).answer.error.code).toBe(code);
    expect(await readdir(at('usb'))).toEqual([]);
    expect(await readFile(platformFile(), 'utf8')).toBe(before);
  };
  await writeFile(at('work/vault.password'), 'another one\n');
  await refused('vault-wrong-password');
  await rm(at('home/.config/sops'), { recursive: true });
  await refused('secret-unreadable');
  expect((await cli('kit', 'status')).answer.state).toBe('none');
});

/** Ids of the keys that open a vault. */
async function keysOf(vault: string): Promise<string[]> {
  const { stdout } = await run('restic', ['--repo', at('work', vault), 'key', 'list', '--json', '--no-cache'], {
    env: { RESTIC_PASSWORD_FILE: at('work/vault.password') },
  });
  return JSON.parse(stdout).map(({ id }: { id: string }) => id);
}

test('a kit that fails at the second vault, or after both, leaves no key that nobody has the password of', async () => {
  const before = [await keysOf('vault'), await keysOf('copy')];
  expect(before.map(({ length }) => length)).toEqual([1, 1]);
  await rename(at('work/copy'), at('work/copy-away'));
  expect((await create()).answer.error.code).toBe('vault-absent');
  await rename(at('work/copy-away'), at('work/copy'));
  expect([await keysOf('vault'), await keysOf('copy')]).toEqual(before);

  // Its place is taken while the keys are added.
  const watching = setInterval(() => existsSync(at('work/copy/keys')) && taken(), 5);
  const taken = () => {
    if (readdirSync(at('work/copy/keys')).length > 1) mkdirSync(at('usb/kit/in-the-way'), { recursive: true });
  };
  const { answer } = await create().finally(() => clearInterval(watching));
  expect(answer.error).toBeDefined();
  expect([await keysOf('vault'), await keysOf('copy')]).toEqual(before);
}, 120_000);

const mounts = process.getuid?.() === 0 && existsSync('/dev/fuse') && existsSync('/usr/bin/bindfs');
const noBindfs = mounts ? '' : '(SKIPPED: needs root, /dev/fuse and bindfs)';
test.skipIf(noBindfs !== '')(
  `a medium that keeps no permissions, as FAT, is told ${noBindfs}`,
  async () => {
    await putBackup('vault', 'b-1');
    await putBackup('copy', 'b-1');
    expect((await create(at('usb/other'))).answer.warnings).toEqual([]);
    await mkdir(at('stick'));
    await run('bindfs', ['--perms=a+rwX', '--chmod-ignore', at('usb'), at('stick')]);
    try {
      const { exitCode, answer } = await create(at('stick/kit'));
      expect(exitCode).toBe(0);
      expect(answer.warnings).toEqual([expect.stringContaining('keeps no permissions')]);
      expect((await confirm(at('stick/kit'))).exitCode).toBe(0);
    } finally {
      await run('umount', [at('stick')]);
    }
  },
  120_000,
);

test('a kit that would not do is not confirmed, and one for other vaults is out of date', async () => {
  await putBackup('vault', 'b-1');
  await create();
  const text = await readFile(platformFile(), 'utf8');
  const unusable = async (said: string) => {
    const { exitCode, answer } = await confirm();
    expect({ exitCode, code: answer.error.code }).toEqual({ exitCode: 3, code: 'kit-unusable' });
    expect(answer.error.message).toContain(said);
    return answer.error.next;
  };
  await writeFile(platformFile(), text.replace('name: shop', 'name: other').replace('state: state', 'state: other'));
  await unusable('but of shop');
  await writeFile(platformFile(), text.replace('repository: copy', 'repository: elsewhere'));
  await unusable('does not know');
  expect((await cli('kit', 'status')).answer.state).toBe('outdated');
  await writeFile(platformFile(), text);

  const password = await readFile(at('usb/kit/vault.password'), 'utf8');
  await writeFile(at('usb/kit/vault.password'), 'of another kit\n');
  expect((await confirm()).answer.error.code).toBe('vault-wrong-password');
  await writeFile(at('usb/kit/vault.password'), '\n');
  expect((await confirm()).answer.error.code).toBe('secret-unreadable');
  await writeFile(at('usb/kit/vault.password'), password);
  expect((await cli('kit', 'status')).answer.state).toBe('unconfirmed');
  // An empty vault opens as well, and proves nothing.
  expect(await unusable(`there is no backup in ${at('work/copy')} yet`)).toContain('socle vault copy');
  expect((await cli('kit', 'status')).answer.state).toBe('unconfirmed');
  await putBackup('copy', 'b-1');
  expect((await confirm()).exitCode).toBe(0);

  // A second one counts once it was tried.
  expect((await create(at('usb/kit-2'))).exitCode).toBe(0);
  expect((await cli('kit', 'status')).answer.state).toBe('confirmed');
}, 120_000);

test('another vault in the place of the one that a kit opened is out of date at once', async () => {
  await putBackup('vault', 'b-1');
  await putBackup('copy', 'b-1');
  await create();
  expect((await confirm()).exitCode).toBe(0);
  await rename(at('work/vault'), at('work/vault-of-before'));
  expect((await cli('vault', 'init', '--anew')).exitCode).toBe(0);
  expect(await cli('kit', 'status')).toMatchObject({ exitCode: 3, answer: { state: 'outdated' } });
  expect((await confirm()).answer.error.code).toBe('vault-wrong-password');
  // Moved aside, the old one opens with the kit still: it is not what is backed up into.
  const kit = JSON.parse(await readFile(at('usb/kit/kit.json'), 'utf8'));
  expect(kit.vaults[0].repositoryId).toMatch(/^[0-9a-f]{64}$/);
}, 120_000);

test('status warns for people until a kit was confirmed, where there is a host or production', async () => {
  // 5: what was backed up is known on the host; 3: without one, no backup has ever succeeded.
  const options = { cwd: at('work'), env: environment(), accept: [3, 5] };
  const status = async () => (await run(socle, ['status'], options)).stdout;
  const text = await readFile(platformFile(), 'utf8');
  expect(await status()).not.toContain('recovery kit');
  await writeFile(platformFile(), `${text}host: {address: vps.example}\n`);
  expect(await status()).toContain('there is no recovery kit');
});
