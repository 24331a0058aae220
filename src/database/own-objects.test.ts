import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { parsePlatform } from '../platform/load.ts';
import { checkDatabase } from './check.ts';
import { grantSql } from './grant.ts';
import { newestHeartbeat, writeHeartbeat } from './heartbeat.ts';
import { findPlanted } from './own-objects.ts';
import { shareLargeObjects } from './share.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startPostgres();
  await server.sql('CREATE ROLE mallory LOGIN; CREATE ROLE socle_backup LOGIN');
});
afterAll(() => server?.stop());

async function as<T>(user: string, database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await server.connect(database, user);
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const configOf = (database: string) => {
  const { databases, drill } = parsePlatform(
    `name: t\nenvironment: dev\ndatabases: [{name: shop, connection: {database: ${database}, host: ${server.host}, port: ${server.port}}}]\n`,
    'f',
  );
  if (!databases[0]) throw new Error('no database');
  return { config: databases[0], limits: drill.limits };
};

const grant = (database: string) => server.sql(grantSql(configOf(database).config), database);
const table = 'CREATE TABLE socle.heartbeat (writer text PRIMARY KEY, at timestamptz NOT NULL);';
/** Notes as whom it runs. */
const spy = `CREATE TABLE public.ran_as (who text); GRANT ALL ON public.ran_as TO PUBLIC;
  CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.ran_as VALUES (current_user); RETURN new; END$$;
  CREATE FUNCTION public.spied() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.ran_as VALUES (current_user); RETURN now(); END$$;`;

/** What a role that may create in the database makes before the grant, by way of the kind that it is. */
const plantings: [what: string, sql: string][] = [
  [
    'a trigger',
    `${table} CREATE TRIGGER t BEFORE INSERT ON socle.heartbeat FOR EACH ROW EXECUTE FUNCTION public.spy()`,
  ],
  ['a default', `${table} ALTER TABLE socle.heartbeat ADD COLUMN x timestamptz DEFAULT public.spied()`],
  ['a check', `${table} ALTER TABLE socle.heartbeat ADD CHECK (public.spied() IS NOT NULL)`],
  ['a rule', `${table} CREATE RULE r AS ON INSERT TO socle.heartbeat DO ALSO SELECT public.spied()`],
  ['a policy', `${table} ALTER TABLE socle.heartbeat ENABLE ROW LEVEL SECURITY`],
  ['a view', "CREATE VIEW socle.heartbeat AS SELECT 'x'::text AS writer, public.spied() AS at"],
  ['a child', `${table} CREATE TABLE public.child () INHERITS (socle.heartbeat)`],
  [
    'a generated column',
    `${table} ALTER TABLE socle.heartbeat ADD COLUMN g text GENERATED ALWAYS AS (lower(writer)) STORED`,
  ],
  ['an index on an expression', `${table} CREATE INDEX ON socle.heartbeat (lower(writer))`],
  ['a table and nothing else', table],
  ['a schema and nothing else', ''],
  [
    'a function',
    'CREATE FUNCTION socle.share_large_objects() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.ran_as VALUES (current_user); RETURN 0; END$$',
  ],
];

test.each(plantings)(
  '%s that another role made first is refused by the grant, and nothing of it runs',
  async (_, sql) => {
    const name = await server.createDatabase('planted');
    await server.sql(`GRANT CREATE ON DATABASE ${name} TO mallory; GRANT CREATE ON SCHEMA public TO mallory`, name);
    await as('mallory', name, (client) => client.query(`${spy} CREATE SCHEMA socle; ${sql}`));
    await expect(grant(name)).rejects.toMatchObject({
      message: expect.stringContaining('socle'),
      hint: expect.stringContaining('DROP SCHEMA socle CASCADE'),
    });

    // Where an older grant let it pass, or a superuser gave it away, it is not touched either.
    await as('mallory', name, (client) =>
      client.query('GRANT USAGE ON SCHEMA socle TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA socle TO PUBLIC'),
    );
    await as('socle_backup', name, async (client) => {
      await writeHeartbeat(client);
      expect(await newestHeartbeat(client)).toBeNull();
      await shareLargeObjects(client);
      expect((await findPlanted(client)).length).toBeGreaterThan(0);
    });
    expect((await server.sql('SELECT who FROM public.ran_as', name)).rows).toEqual([]);

    // What the message says helps.
    await server.sql('DROP SCHEMA socle CASCADE', name);
    await grant(name);
    await as('socle_backup', name, async (client) => {
      await writeHeartbeat(client);
      expect(await newestHeartbeat(client)).not.toBeNull();
    });
  },
);

test('a right that lets another role put a trigger there later is taken away by the grant, or told', async () => {
  const name = await server.createDatabase('later');
  await server.sql(
    'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO mallory',
    name,
  );
  await grant(name);
  await grant(name);
  const trigger =
    'CREATE TRIGGER t BEFORE INSERT ON socle.heartbeat FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()';
  await as('mallory', name, (client) => expect(client.query(trigger)).rejects.toThrow('permission denied'));
  const planted = () => as('socle_backup', name, findPlanted);
  expect(await planted()).toEqual([]);
  await server.sql('GRANT TRIGGER ON socle.heartbeat TO mallory; GRANT CREATE ON SCHEMA socle TO mallory', name);
  expect(await planted()).toEqual([
    'roles that are no superuser may create objects in the schema socle',
    'roles that are no superuser may put triggers on socle.heartbeat',
  ]);
  const { config, limits } = configOf(name);
  const check = await checkDatabase(config, limits, '/tmp');
  expect(check).toMatchObject({ ok: false, heartbeat: false });
  expect(check.planted.at(-1)).toContain('socle database grant');
});
