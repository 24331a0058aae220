import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { makeDaemonBench } from '../../test/support/daemon.ts';
import { openDatabase } from '../kernel/sqlite.ts';
import { applyStateRetention, stateRetention } from './retention.ts';
import { ScheduleStore } from './schedule-store.ts';

const now = new Date('2026-12-01T00:00:00Z');
const ago = (days: number) => new Date(now.getTime() - days * 86_400_000);

test('every table of a daemon’s state database has a retention, and the docs say it', async () => {
  const bench = makeDaemonBench((directory) => ({
    databases: [{ name: 'shop', connection: { host: '127.0.0.1', port: 1, database: 'shop' } }],
    backup: { vault: { repository: `${directory}/vault`, password: { file: `${directory}/key` } } },
  }));
  try {
    const daemon = await bench.serve();
    await bench.socle('status').catch(() => {});
    daemon.kill('SIGTERM');
    await daemon.ended;
    const db = openDatabase(bench.stateFile);
    const tables = db.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).all();
    db.close();
    const known = stateRetention.map(({ table }) => table);
    expect(tables.map(({ name }) => String(name)).filter((name) => !known.includes(name))).toEqual([]);
    const docs = readFileSync(new URL('../../docs/state.md', import.meta.url), 'utf8');
    for (const { table, keeps } of stateRetention) expect(docs).toContain(`| \`${table}\` | ${keeps} |`);
  } finally {
    bench.dispose();
  }
}, 60_000);

test('what is too old goes, and the newest that a state is judged by stays', () => {
  const db = openDatabase(':memory:');
  new ScheduleStore(db);
  db.exec(`CREATE TABLE operation (id TEXT PRIMARY KEY, action TEXT, started_at TEXT, result TEXT)`);
  const operation = db.prepare('INSERT INTO operation VALUES (?, ?, ?, ?)');
  operation.run('old', 'backup.run', ago(500).toISOString(), 'ok');
  operation.run('newest failure', 'backup.run', ago(450).toISOString(), 'failed');
  operation.run('within a year', 'backup.run', ago(390).toISOString(), 'ok');
  operation.run('only one', 'vault.init', ago(900).toISOString(), 'ok');
  operation.run('under way', 'drill.run', ago(900).toISOString(), 'running');
  const run = db.prepare(`INSERT INTO scheduled_run (job, kind, due, state) VALUES ('backup:shop', 'backup', ?, ?)`);
  run.run(ago(91).toISOString(), 'ok');
  run.run(ago(92).toISOString(), 'queued');
  run.run(ago(89).toISOString(), 'ok');
  applyStateRetention(db, now);
  expect(
    db
      .prepare('SELECT id FROM operation ORDER BY id')
      .all()
      .map(({ id }) => id),
  ).toEqual(['newest failure', 'only one', 'under way', 'within a year']);
  expect(
    db
      .prepare('SELECT state FROM scheduled_run ORDER BY due')
      .all()
      .map(({ state }) => state),
  ).toEqual(['queued', 'ok']);
});
