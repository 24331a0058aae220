import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ownFile } from '../kernel/place.ts';
import { run } from '../kernel/process.ts';

let root: string;
const at = (name: string) => join(root, name);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'socle-state-'));
  await mkdir(at('daemon'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Runs functions of the host's program `release`, with the state and its copy in a directory of the test. */
async function release(calls: string): Promise<string> {
  const template = await readFile(ownFile('ansible/roles/ops/templates/release.j2'), 'utf8');
  const program = template
    .replace('{{ ops_state }}', at('daemon/socle.db'))
    .replace('/var/lib/socle/before-upgrade', at('kept'))
    .replace('"socle", "socle"', `${process.getuid?.()}, ${process.getgid?.()}`)
    .replace(/\nmain\(\)\n$/, `\n${calls}\n`);
  await writeFile(at('program.py'), program);
  return (await run('python3', [at('program.py')])).stdout;
}

const rows = (file: string): number => {
  using database = new DatabaseSync(file, { readOnly: true });
  return Number(database.prepare('SELECT count(*) AS n FROM t').get()?.n);
};

test('the state is copied whole while others write it, and comes back under them', async () => {
  using live = new DatabaseSync(at('daemon/socle.db'));
  live.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)');
  for (let n = 0; n < 100; n += 1) live.exec('INSERT INTO t VALUES (randomblob(2000))');
  await release('copy_state()');
  expect((await stat(at('kept/socle.db'))).mode & 0o777).toBe(0o600);
  expect(await readdir(at('kept'))).toEqual(['socle.db']);
  expect(rows(at('kept/socle.db'))).toBe(100);

  live.exec('INSERT INTO t VALUES (1), (2)');
  live.exec('CREATE TABLE of_a_newer_release (x)');
  await release('restore_state()');
  // The connection that was open all the while sees it, and goes on.
  expect(live.prepare('SELECT count(*) AS n FROM t').get()).toMatchObject({ n: 100 });
  expect(live.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'of_a_newer_release'").get()).toMatchObject(
    { n: 0 },
  );
  live.exec('INSERT INTO t VALUES (3)');
  expect(rows(at('daemon/socle.db'))).toBe(101);
});

test('a state that the other release ruined comes back; without one there is nothing to copy', async () => {
  await release('copy_state(); restore_state()');
  expect(await readdir(at('kept'))).toEqual([]);
  {
    using live = new DatabaseSync(at('daemon/socle.db'));
    live.exec('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
  }
  await release('copy_state()');
  await writeFile(at('daemon/socle.db'), 'no database at all'.repeat(1000));
  await release('restore_state()');
  expect(rows(at('daemon/socle.db'))).toBe(1);
});
