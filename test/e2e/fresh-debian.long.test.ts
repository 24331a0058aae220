import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshRoot, freshRoot, noFreshRoot } from '../support/fresh-root.ts';

const why = noFreshRoot();

/** The README's two commands, as they are written there, where nothing of ours has ever been. */
describe.skipIf(why).each(['bookworm', 'trixie'] as const)(`a fresh Debian %s${why ? ` (${why})` : ''}`, (suite) => {
  let root: FreshRoot;
  beforeAll(async () => {
    root = await freshRoot(suite);
  }, 1_800_000);
  afterAll(() => root?.remove());

  /** What Socle, PostgreSQL or restic left behind in the file system outside the clones, or running. */
  const leftovers = () =>
    root.run(
      'root',
      'find / -xdev \\( -name "socle-*" -o -name "*.pid" \\) -not -path "/root/socle/*" -not -path "/home/dev/socle/*" -not -path "/proc/*"; ls /var/lib/postgresql 2>/dev/null; ls /usr/sbin/policy-rc.d /etc/postgresql-common/createcluster.d/socle* 2>/dev/null',
    );

  test('`make` lists its targets and does nothing else', async () => {
    const { exitCode, stdout } = await root.run('dev', 'cd socle && make');
    expect(exitCode).toBe(0);
    for (const target of ['demo', 'test', 'test-long', 'check', 'bench'])
      expect(stdout).toMatch(new RegExp(`^ +${target} `, 'm'));
  });

  test('without root, `make demo` names the packages that are missing', async () => {
    const { exitCode, stderr } = await root.run('dev', 'cd socle && make demo');
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('apt-get install --no-install-recommends postgresql restic bubblewrap');
  });

  test('`make demo` as root proves the restore and finds the damage', async () => {
    const { exitCode, stdout, stderr } = await root.run('root', 'cd socle && make demo', 1_200_000);
    expect(exitCode, stdout.slice(-8_000) + stderr).toBe(0);
    expect(stdout).toMatch(/proven/i);
    expect((await leftovers()).stdout).toBe('');
  });

  test('`make demo` as a user does the same', async () => {
    const { exitCode, stdout, stderr } = await root.run('dev', 'cd socle && make demo', 1_200_000);
    expect(exitCode, stdout.slice(-8_000) + stderr).toBe(0);
    expect(stdout).toMatch(/proven/i);
    expect((await leftovers()).stdout).toBe('');
  });

  // Ten minutes on two quiet cores, with the set-up before it; a machine that does other work needs many times that.
  test('`make test` passes, and starts no service', { timeout: 5_500_000 }, async () => {
    const { exitCode, stdout } = await root.run('root', 'cd socle && make test 2>&1', 5_400_000);
    const last = stdout.trimEnd().split('\n').at(-1);
    expect(last, stdout.slice(-8_000)).toMatch(/^\d+ passed, 0 failed, \d+ skipped$/);
    expect(exitCode).toBe(0);
    expect((await leftovers()).stdout).toBe('');
  });
});
