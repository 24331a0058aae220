import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { catalogued } from '../../test/support/stored-backup.ts';
import { BackupCatalog } from '../backup/catalog.ts';
import { interruptedReport } from '../drill/interrupted.ts';
import { DrillStore } from '../drill/store.ts';
import { recordOperation } from '../governance/operations.ts';
import { systemClock } from '../kernel/clock.ts';
import { run } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { loadPlatform } from '../platform/load.ts';
import { statePaths } from '../platform/paths.ts';

const summer = '2026-07-01T22:15:00.000Z';
const winter = '2026-11-22T23:15:00.000Z';
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-listings-'));
  const config = join(directory, 'platform.yaml');
  await writeFile(
    config,
    `name: t\nenvironment: dev\ntimezone: Europe/Paris\ndatabases: [{name: orders, connection: {database: orders}}]
backup: {vault: {repository: vault, password: {file: password}}}\nops: {state: ${join(directory, 'state')}}\n`,
  );
  const platform = await loadPlatform(config);
  using db = openDatabase(statePaths(platform).database);
  const catalog = new BackupCatalog(db);
  catalog.save(catalogued('b-1', summer));
  const proof = { status: 'identical-to-artifact' as const, drill: 'd-1', at: winter };
  const backup = catalogued('b-2', winter, { proof, copiedAt: winter });
  catalog.save(backup);
  new DrillStore(db).save(interruptedReport(backup, platform, 'd-1', new Date(winter)));
  const clock = { ...systemClock, now: () => new Date(winter) };
  await recordOperation(db, clock, { action: 'drill.run', actor: 'cli:test', subject: 'b-2' }, async () => {});
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const cli = async (...args: string[]) => (await run(socle, args, { cwd: directory, accept: [0, 3] })).stdout;

test.each([
  ['backup list', ['2026-07-02 00:15:00 +02:00', '2026-11-23 00:15:00 +01:00']],
  ['backup show b-2', ['by d-1 at 2026-11-23 00:15:00 +01:00', 'copied     2026-11-23 00:15:00 +01:00']],
  ['backup prune --dry-run', ['2026-07-02 00:15:00 +02:00']],
  ['drill list', ['2026-11-23 00:15:00 +01:00']],
  ['drill show d-1', ['b-2 of 2026-11-23 00:15:00 +01:00', 'started   2026-11-23 00:15:00 +01:00']],
  ['operations list', ['2026-11-23 00:15:00 +01:00']],
  ['status', ['2026-11-23 00:15:00 +01:00']],
])('socle %s shows times in the time zone of the platform', async (command, times) => {
  await writeFile(join(directory, 'password'), 'a password\n', { mode: 0o600 });
  const shown = await cli(...command.split(' '));
  for (const time of times) expect(shown).toContain(time);
  expect(shown).not.toMatch(/\d{4}-\d\d-\d\dT/);
});

test('for programs times stay in UTC', async () => {
  const [backup] = JSON.parse(await cli('backup', 'list', '--json', '--limit', '1'));
  expect(backup.timestamp).toBe(winter);
});

test('why a backup is kept is shown before anything was pruned', async () => {
  expect(await cli('backup', 'list')).toMatch(/^b-2 .* last, .*last-good/m);
});

test('a drill that was interrupted is in the list as such', async () => {
  expect(await cli('drill', 'list')).toMatch(/^d-1 .* interrupted .* b-2$/m);
});
