import { expect, test } from 'vitest';
import { SocleError } from '../kernel/errors.ts';
import { parsePlatform } from '../platform/load.ts';
import type { Domain } from './domains.ts';
import { daemonHome, planHostPlatform } from './ops-platform.ts';
import { parseLine } from './records.ts';
import { scopeOf } from './uninstall-plan.ts';

const refusal = (present: readonly Domain[], asked: readonly Domain[]) => {
  try {
    return scopeOf(present, asked);
  } catch (error) {
    return error instanceof SocleError ? { code: error.code, message: error.message, next: error.details.next } : error;
  }
};

test('everything goes unless less is asked for, what needs the firewall before it', () => {
  expect(scopeOf(['network', 'ops', 'orchestration'], [])).toEqual({
    domains: ['ops', 'orchestration', 'network'],
    whole: true,
  });
  expect(scopeOf(['network', 'ops'], ['ops'])).toEqual({ domains: ['ops'], whole: false });
  expect(scopeOf(['network', 'ops', 'orchestration'], ['orchestration', 'ops'])).toEqual({
    domains: ['ops', 'orchestration'],
    whole: false,
  });
});

test('the baseline goes with the last domain, also where somebody names that one', () => {
  expect(scopeOf(['network'], ['network'])).toEqual({ domains: ['network'], whole: true });
  expect(scopeOf([], [])).toMatchObject({ whole: true });
});

test('the firewall does not go from under K3s or the daemon', () => {
  expect(refusal(['network', 'ops', 'orchestration'], ['network'])).toEqual({
    code: 'domain-needs-another',
    message: 'the daemon and K3s would stay on the host without its firewall and its private address',
    next: 'run it without --only, or name ops,orchestration,network',
  });
  expect(refusal(['network', 'orchestration'], ['network', 'ops'])).toMatchObject({ code: 'domain-needs-another' });
});

test('vaults of the host are told apart from what may go with its data', () => {
  const text = (repository: string, copy: string) =>
    `{name: t, environment: dev, databases: [{name: shop, connection: {database: shop}}], drill: {scratch: /srv/scratch},
      backup: {schedule: '0 2 * * *', vault: {repository: '${repository}', password: {command: [pass]}},
      copy: {repository: '${copy}', password: {command: [pass]}}}}`;
  const of = (repository: string, copy: string) => {
    const platform = parsePlatform(text(repository, copy), '/p/platform.yaml');
    const document = {
      backup: { vault: { repository }, copy: { repository: copy } },
      drill: { scratch: '/srv/scratch' },
    };
    const { directories, vaults } = planHostPlatform(document, platform, '/p');
    return { directories, vaults };
  };
  expect(of('/srv/vault', 'sftp:me@example:/vault')).toEqual({
    directories: ['/srv/scratch', '/srv/vault', daemonHome],
    vaults: ['/srv/vault'],
  });
  expect(of('local:vault', `${daemonHome}/vault`).vaults).toEqual(['/etc/socle/vault', `${daemonHome}/vault`]);
});

test('a record says what stayed', () => {
  const stays = [{ what: 'vault', where: '/srv/vault', why: 'backups are never removed' }];
  const record = {
    id: 'r-1',
    status: 'done',
    check: false,
    uninstall: true,
    only: ['ops'],
    revision: null,
    actor: 'cli:me',
    key: null,
    startedAt: '2026-11-22T02:15:00.000Z',
    endedAt: null,
    seconds: 1,
    tasks: 1,
    changed: [],
    failed: [],
    stays,
    roles: {},
  };
  expect(parseLine(JSON.stringify({ record })).record).toMatchObject({ uninstall: true, stays });
});
