import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { BackupCatalog } from '../../src/backup/catalog.ts';
import { markInterrupted, markLeftovers } from '../../src/backup/leftovers.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { type BackupBench, nameOf } from './backup-bench.ts';
import { descendants } from './children.ts';
import type { TestServer } from './postgres.ts';

/** A small generator of random numbers (mulberry32): the same seed, the same rounds. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const victims = ['socle', 'pg_dump', 'restic', 'postgres'] as const;
type Victim = (typeof victims)[number];

/** Moments at which the kill is armed: the beginning of a step, or so many bytes of the dump. */
const moments = ['step reading the catalog', 'step dumping', 'bytes', 'step reading', 'step committing'] as const;

export interface Round {
  readonly victim: Victim;
  readonly moment: string;
  /** How the backup's process ended. */
  readonly end: string;
  /** What the catalog says of that backup after the next start. */
  readonly status: string;
}

/** Runs one backup in a process of its own and kills one program at a random moment of it. */
async function oneRound(bench: BackupBench, server: TestServer, database: string, random: () => number) {
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)] as T;
  const victim = pick(victims);
  const moment = pick(moments);
  const trigger = moment === 'bytes' ? Math.floor(random() * 20_000_000) : 0;
  const delay = random() * 250;
  const child = spawn(
    process.execPath,
    [
      new URL('./run-backup.ts', import.meta.url).pathname,
      JSON.stringify(bench.source(server, [database])),
      `${bench.directory}/state.db`,
      `${bench.directory}/cache`,
      nameOf(database),
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let armed = false;
  let killed: Promise<void> = Promise.resolve();
  let steps = 0;
  const seen = (line: string) => {
    if (line.startsWith('step')) steps += 1;
    const reached =
      moment === 'bytes'
        ? line.startsWith('bytes') && Number(line.slice(6)) >= trigger
        : line.startsWith(moment) && (moment !== 'step reading' || steps > 1);
    if (armed || !reached) return;
    armed = true;
    killed = new Promise((resolve) => {
      setTimeout(() => void kill(victim, child, server).then(resolve, resolve), delay);
    });
  };
  let rest = '';
  for await (const text of child.stdout.setEncoding('utf8')) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) seen(line);
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  await killed;
  return {
    victim,
    moment: moment === 'bytes' ? `${trigger} bytes` : moment,
    end: String(child.signalCode ?? child.exitCode),
  };
}

async function kill(victim: Victim, child: ChildProcess, server: TestServer): Promise<void> {
  if (victim === 'socle') child.kill('SIGKILL');
  else if (victim === 'postgres') await server.restart('immediate');
  else {
    for (const { name, pid } of await descendants(child.pid)) if (name === victim) process.kill(pid, 'SIGKILL');
  }
}

/** What must hold after any crash and the next start; throws the sentence that does not. */
async function check(bench: BackupBench): Promise<void> {
  const catalog = new BackupCatalog(bench.db);
  markInterrupted(bench.db, systemClock);
  // A restic whose writer was killed goes on for a moment, and may keep what it got.
  while (
    (await descendants(1)).some(({ command }) => command.startsWith('restic') && command.includes(bench.directory))
  ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await bench.vault.unlockStale();
  await markLeftovers(catalog, bench.vault);
  const stored = await bench.vault.list();
  const committed = new Set(stored.filter(({ item }) => item === 'manifest').map(({ id }) => id));
  for (const backup of catalog.list()) {
    if (backup.status === 'running') throw new Error(`${backup.id} still says running`);
    if ((backup.status === 'good') !== committed.has(backup.id)) {
      throw new Error(`${backup.id} is ${backup.status} and ${committed.has(backup.id) ? 'has a' : 'has no'} manifest`);
    }
  }
  for (const { item, id } of stored) {
    if (item === 'dump' && !committed.has(id) && catalog.get(id)?.status !== 'incomplete') {
      throw new Error(`${id} has a dump without manifest and is ${catalog.get(id)?.status}`);
    }
  }
}

/** Kills something at a random moment of `rounds` backups, and checks the state after each. */
export async function killRounds(
  bench: BackupBench,
  server: TestServer,
  database: string,
  seed: number,
  rounds: number,
): Promise<Round[]> {
  const random = randomNumbers(seed);
  const done: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const result = await oneRound(bench, server, database, random);
    try {
      await check(bench);
    } catch (error) {
      throw new Error(`round ${round} of seed ${seed} (${JSON.stringify(result)})`, { cause: error });
    }
    done.push({ ...result, status: new BackupCatalog(bench.db).list({ limit: 1 })[0]?.status ?? 'none' });
  }
  return done;
}
