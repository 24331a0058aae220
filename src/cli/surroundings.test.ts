import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { makeKeyCheap } from '../../test/support/cheap-key.ts';
import { startPostgres, type TestServer } from '../../test/support/postgres.ts';
import { type Surroundings, surroundings } from '../../test/support/surroundings.ts';
import { run } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';

/** In `make test-long` each line of the table by itself; otherwise most of them once, together with others. */
const long = process.env.SOCLE_LONG === '1';
const isRoot = process.getuid?.() === 0;
let source: TestServer;
let directory: string;
let config: string;
let round = 0;

beforeAll(async () => {
  source = await startPostgres();
  // Below /var/tmp and passable: the surroundings hide what they like.
  directory = await mkdtemp('/var/tmp/socle-surroundings-');
  chmodSync(directory, 0o755);
  const database = await source.createDatabase('shop');
  await source.sql(
    `CREATE TABLE items (id int PRIMARY KEY, name varchar CHECK (name IN ('pen', 'ink')), at timestamptz DEFAULT now());
     INSERT INTO items SELECT i, CASE i % 2 WHEN 0 THEN 'pen' ELSE 'ink' END FROM generate_series(1, 2000) i; CREATE VIEW pens AS SELECT * FROM items WHERE name = 'pen'`,
    database,
  );
  const password = join(directory, 'password');
  writeFileSync(password, randomBytes(16).toString('hex'), { mode: 0o600 });
  config = join(directory, 'platform.yaml');
  const connection = { host: source.host, port: source.port, database, user: 'postgres' };
  writeFileSync(
    config,
    stringify({
      name: 'around',
      environment: 'dev',
      databases: [{ name: 'shop', connection }],
      backup: { vault: { repository: join(directory, 'vault'), password: { file: password } } },
      drill: { limits: { reserve: '1MiB' } },
      ops: { state: join(directory, 'state') },
    }),
  );
  await cli('vault', 'init');
  await makeKeyCheap(join(directory, 'vault'), password);
});
afterAll(async () => {
  await source?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const cli = async (...args: string[]) => (await run(socle, [...args, '--config', config], { cwd: '/' })).stdout;

/** Runs Socle as a script of a shell does that was left in such surroundings; resolves to its exit code. */
async function inside({ lines }: Pick<Surroundings, 'lines'>, args: readonly string[]): Promise<string> {
  const place = join(directory, `place-${round++}`);
  mkdirSync(place);
  const said = join(directory, 'said');
  const script = `PLACE=$1; shift\n${lines}\n"$@"\nprintf '%s' "$?" >${join(directory, 'code')}`;
  const mounts = isRoot ? ['unshare', '-m', '--'] : ['env'];
  const [file = '', ...first] = mounts;
  await run(
    file,
    [
      ...first,
      'sh',
      '-c',
      `exec >${said} 2>&1 </dev/null; exec sh -c "$0" sh "$@"`,
      script,
      place,
      socle,
      ...args,
      '--config',
      config,
    ],
    { cwd: '/', timeout: 240_000 },
  );
  const { stdout } = await run('sh', ['-c', `cat ${join(directory, 'code')}; echo; tail -c 3000 ${said}`]);
  rmSync(join(directory, 'code'));
  return stdout;
}

const all = surroundings.filter(({ root }) => isRoot || !root);

async function tryIn(name: string, around: Pick<Surroundings, 'lines'>): Promise<void> {
  const target = `restored_${round}`;
  for (const args of [
    ['backup', 'run', '--database', 'shop'],
    ['drill', 'run', '--database', 'shop'],
    ['restore', target, '--database', 'shop', '--host', source.host],
  ]) {
    expect(await inside(around, args), `${name}: socle ${args.join(' ')}`).toMatch(/^0$/m);
  }
  const [drill] = JSON.parse(await cli('drill', 'list', '--limit', '1', '--json'));
  const [backup] = JSON.parse(await cli('backup', 'list', '--limit', '1', '--json'));
  expect({ name, verdict: drill.verdict, backup: drill.backup }).toEqual({
    name,
    verdict: 'proven',
    backup: backup.id,
  });
  const { rows } = await source.sql('SELECT count(*)::int AS n FROM items', target);
  expect(rows).toEqual([{ n: 2000 }]);
  expect(readdirSync(join(directory, 'state', 'scratch'))).toEqual([]);
}

const together = [1, 2, 3, 4].map((number) => {
  const chosen = all.filter(({ group }) => group === number);
  return { name: chosen.map(({ name }) => name).join(', '), lines: chosen.map(({ lines }) => lines).join('\n') };
});

test.each(long ? all : together)('a backup, a drill and a restore are what they always are: $name', (around) =>
  tryIn(around.name, around),
);
