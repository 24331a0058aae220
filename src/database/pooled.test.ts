import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, connect as dial, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackupBench, makeBackupBench, nameOf } from '../../test/support/backup-bench.ts';
import { type Pooler, startPgbouncer } from '../../test/support/pgbouncer.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { runBackup } from '../backup/run.ts';
import type { ConnectionConfig } from '../platform/schema.ts';
import { connect } from './connect.ts';
import { requireOneServer } from './one-server.ts';

let server: TestServer;
let other: TestServer;
let bench: BackupBench;
beforeAll(async () => {
  [server, other, bench] = await Promise.all([startPostgres(), startPostgres(), makeBackupBench()]);
});
afterAll(async () => {
  await Promise.all([server?.stop(), other?.stop(), bench?.dispose()]);
});

const backUp = (at: { host: string; port: number }, database: string) =>
  runBackup(
    {
      platform: bench.platform({ ...server, ...at }, [database]),
      database: nameOf(database),
      deep: false,
      actor: 'cli:test',
    },
    bench.deps(),
  );

const connection = (at: { host: string; port: number }): ConnectionConfig => ({
  host: at.host,
  port: at.port,
  database: 'postgres',
  user: 'postgres',
  tls: { mode: 'disable' },
});

/** The startup parameters that people let their PgBouncer ignore, and none. */
const pools = (['session', 'transaction', 'statement'] as const).flatMap((mode) =>
  [undefined, 'extra_float_digits,options'].map((ignore) => ({ mode, ignore })),
);

test.each(pools)(
  'PgBouncer is refused, and its sessions stay as they were: $mode, ignoring $ignore',
  async (options) => {
    const database = await server.createDatabase('pooled');
    await server.sql('CREATE TABLE t (a int)', database);
    let pooler: Pooler | undefined;
    try {
      pooler = await startPgbouncer(server, {
        mode: options.mode,
        ...(options.ignore ? { ignore: options.ignore } : {}),
      });
      await expect(backUp(pooler, database)).rejects.toMatchObject({
        code: 'database-pooled',
        message: expect.stringContaining('is not the PostgreSQL server itself'),
      });
      // What the application gets afterwards.
      if (options.mode !== 'statement') {
        expect(await pooler.searchPaths(database, 2)).toEqual(['"$user", public', '"$user", public']);
      }
      const changed = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = '${database}' AND query ~ 'set_config'`;
      expect((await server.sql(changed)).rows).toEqual([{ n: 0 }]);
    } finally {
      await pooler?.stop();
    }
  },
);

/** A load balancer of the simplest kind: each connection goes to the next server. */
async function balance(directory: string, targets: readonly TestServer[]): Promise<Server> {
  let turn = 0;
  const balancer = createServer((incoming) => {
    const target = targets[turn++ % targets.length] as TestServer;
    const outgoing = dial(join(target.host, `.s.PGSQL.${target.port}`));
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
    }
  });
  await new Promise<void>((resolve) => balancer.listen(join(directory, '.s.PGSQL.5432'), resolve));
  return balancer;
}

test('a load balancer before several servers is refused; one before a single server is as good as the server', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-balancer-'));
  try {
    for (const [targets, refused] of [
      [[server, other], true],
      [[server], false],
    ] as const) {
      const balancer = await balance(directory, targets);
      const config = connection({ host: directory, port: 5432 });
      const client = await connect(config);
      const outcome = requireOneServer(config, client);
      if (refused) {
        await expect(outcome).rejects.toMatchObject({
          code: 'database-pooled',
          message: expect.stringMatching(/ended at different servers/),
        });
      } else await outcome;
      await client.end();
      await new Promise((resolve) => balancer.close(resolve));
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

test('the settings of the backup are there, and end with the connection', async () => {
  const client = await connect(connection(server));
  const { rows } = await client.query(
    `SELECT current_setting('statement_timeout') AS timeout, current_setting('socle.connection') AS mark`,
  );
  expect(rows).toEqual([{ timeout: '0', mark: expect.stringMatching(/^[0-9a-f-]{36}$/) }]);
  await client.end();
});
