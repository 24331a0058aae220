import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc, { type GeneratorValue } from 'fast-check';
import { expect } from 'vitest';
import { runBackup } from '../../../src/backup/run.ts';
import type { Manifest } from '../../../src/backup/schema.ts';
import { grantSql } from '../../../src/database/grant.ts';
import type { ScratchServer } from '../../../src/database/restored-server.ts';
import { startScratch } from '../../../src/database/scratch.ts';
import { fetchArtifact, findArtifact } from '../../../src/drill/artifact.ts';
import { prepareServer } from '../../../src/drill/prepare.ts';
import { prove } from '../../../src/drill/proof/prove.ts';
import { restoreArchive } from '../../../src/drill/restore.ts';
import type { Proof } from '../../../src/drill/schema.ts';
import { silent } from '../../../src/kernel/progress.ts';
import { type BackupBench, makeBackupBench, nameOf } from '../backup-bench.ts';
import { startPostgres, type TestServer } from '../postgres.ts';
import { copyDatabase, dropCopy, type SqlServer } from '../proving.ts';
import { Draw, ident } from './draw.ts';
import { dataParts } from './parts-data.ts';
import { rightsParts } from './parts-rights.ts';
import { schemaParts } from './parts-schema.ts';
import type { Damage, Part, Schema } from './schema.ts';

const kinds = Object.entries({ ...dataParts, ...schemaParts, ...rightsParts });

/** How often each kind of object was in a schema, and each kind of damage in a copy. */
export interface Tally {
  readonly objects: Map<string, number>;
  readonly damages: Map<string, number>;
  /** Kinds of damage of each kind of object, once one was made. */
  readonly damagesOf: Map<string, readonly string[]>;
}

export interface PropertyOptions {
  readonly cases: number;
  /** Copies per case with one damage each. */
  readonly single: number;
  /** One more copy per case with a damage in each part: cheaper than one by one, and every one has to be named. */
  readonly combined: boolean;
  readonly seed: number;
}

const roles = { owner: 'own"er', reader: 'Reader 1' };
const count = (tally: Map<string, number>, kind: string, more = 1) => tally.set(kind, (tally.get(kind) ?? 0) + more);
const newTally = (): Tally => ({
  objects: new Map(kinds.map(([kind]) => [kind, 0])),
  damages: new Map(),
  damagesOf: new Map(),
});

/** Side by side, each with its own servers, vault and numbers: a case mostly waits. Fixed: a seed means the same everywhere. */
const worlds = 2;

/**
 * Random schemas with random rows, backed up as `socle_backup` and restored as a drill does it: the proof holds; and
 * after one random damage of a copy it fails and names it. Kinds that were rare so far come first, so that none stays out.
 */
export async function proveRandomSchemas(options: PropertyOptions): Promise<Tally> {
  const { cases } = options;
  const all = newTally();
  const began = performance.now();
  let done = 0;
  const other = new AbortController();
  const onCase = () => {
    done += 1;
    if (done % 10 > 0) return;
    const seconds = Math.round((performance.now() - began) / 1000);
    process.stderr.write(`${done} of ${cases} schemas are done after ${seconds} s\n`);
  };
  const ends = await Promise.allSettled(
    Array.from({ length: worlds }, async (_, index) => {
      const share = Math.floor((cases + index) / worlds);
      try {
        merge(
          all,
          await proveInOneWorld({ ...options, cases: share, seed: options.seed + index }, onCase, other.signal),
        );
      } catch (error) {
        other.abort();
        throw error;
      }
    }),
  );
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return all;
}

async function proveInOneWorld(options: PropertyOptions, onCase: () => void, stop: AbortSignal): Promise<Tally> {
  const { cases, seed } = options;
  const world = await makeWorld();
  const tally = newTally();
  try {
    const details = await fc.check(
      fc.asyncProperty(fc.gen(), async (g) => {
        if (stop.aborted) return;
        await oneCase(world, g, tally, options);
        onCase();
      }),
      { numRuns: cases, seed, endOnFailure: true },
    );
    // Not fast-check's own report: it would print every value that was drawn.
    if (details.failed) {
      throw new Error(`case ${details.numRuns} of the world with seed ${seed} failed`, {
        cause: details.errorInstance,
      });
    }
  } finally {
    await world.end();
  }
  return tally;
}

function merge(all: Tally, one: Tally): void {
  for (const [kind, number] of one.objects) count(all.objects, kind, number);
  for (const [kind, number] of one.damages) count(all.damages, kind, number);
  for (const [kind, damages] of one.damagesOf) all.damagesOf.set(kind, damages);
}

interface World {
  readonly source: TestServer;
  readonly bench: BackupBench;
  readonly scratch: ScratchServer;
  readonly copies: SqlServer;
  end(): Promise<void>;
}

async function makeWorld(): Promise<World> {
  const root = await mkdtemp(join(tmpdir(), 'socle-property-'));
  const [source, bench] = await Promise.all([startPostgres(), makeBackupBench()]);
  const { rows } = await source.sql(`SELECT current_setting('server_version_num')::int / 10000 AS major`);
  const limits = { memory: 2 ** 30, disk: 4 * 2 ** 30, reserve: 0 };
  const scratch = await startScratch({ root, major: rows[0].major, limits });
  await source.sql(`CREATE ROLE ${ident(roles.owner)}; CREATE ROLE ${ident(roles.reader)} LOGIN;
    GRANT ${ident(roles.owner)} TO ${ident(roles.reader)}; CREATE ROLE socle_backup LOGIN`);
  return {
    source,
    bench,
    scratch,
    copies: {
      async sql(text, database = 'postgres') {
        const client = await scratch.connect(database);
        return client.query(text).finally(() => client.end());
      },
    },
    async end() {
      await scratch.destroy();
      await source.stop();
      bench.dispose();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function oneCase(
  world: World,
  g: GeneratorValue,
  tally: Tally,
  { single, combined }: PropertyOptions,
): Promise<void> {
  const { source, scratch, copies } = world;
  const database = await source.createDatabase('random');
  const draw = new Draw(g);
  const parts = await fill(world, database, draw, tally);
  const { manifest, archive } = await backUpAndRestore(world, database);
  const proofOf = (copy: string): Promise<Proof> =>
    prove({
      manifest,
      archive,
      restored: { server: scratch, database: copy },
      reference: scratch,
      workDirectory: join(scratch.directory, 'archive'),
      jobs: 2,
      showValues: false,
      progress: silent,
    });
  const proof = await proofOf(database);
  expect(proof.differences).toEqual([]);
  expect(proof.level).toBe('identical-to-source');

  const shuffled = draw.shuffled(parts);
  const alone = rarest(draw.shuffled(parts.flat()), tally).slice(0, single);
  const together = shuffled.flatMap((damages) => rarest(draw.shuffled(damages), tally).slice(0, 1));
  for (const damages of [...alone.map((damage) => [damage]), ...(combined ? [together] : [])]) {
    const copy = await copyDatabase(copies, database, 'damaged');
    try {
      for (const damage of damages) await damaged(copies, damage, copy);
      const failed = await proofOf(copy);
      for (const { names, sql, kind } of damages) {
        expect(failed.differences, sql).toContainEqual(expect.objectContaining(names));
        count(tally.damages, kind);
      }
      expect([null, 'restored']).toContain(failed.level);
    } finally {
      await dropCopy(copies, copy);
      for (const { undo } of damages) if (undo !== undefined) await copies.sql(undo);
    }
  }
  await dropCopy(copies, database);
  await source.sql(`DROP DATABASE ${ident(database)} WITH (FORCE)`);
}

/** Fills the database with random parts, and says how they can be damaged. */
async function fill({ source }: World, database: string, draw: Draw, tally: Tally): Promise<Part['damages'][]> {
  const schema: Schema = { draw, schemas: ['public', draw.name(), draw.name()], roles, tables: [] };
  const client = await source.connect(database);
  const parts: Part['damages'][] = [];
  try {
    for (const name of schema.schemas.slice(1)) await client.query(`CREATE SCHEMA ${ident(name)}`);
    for (const [kind, make] of draw.shuffled(kinds)) {
      const rare = tally.damagesOf.get(kind)?.some((damage) => tally.damages.get(damage) === 0) ?? true;
      // Half of all kinds, and those that were not there so far, or not damaged in every way.
      if (!draw.chance() && !rare) continue;
      const part = make(schema);
      try {
        await client.query(part.sql);
      } catch (error) {
        throw new Error(`the generator made SQL that does not run (${kind}): ${part.sql}`, { cause: error });
      }
      parts.push(part.damages);
      for (const { kind: damage } of part.damages) if (!tally.damages.has(damage)) tally.damages.set(damage, 0);
      tally.damagesOf.set(
        kind,
        part.damages.map((damage) => damage.kind),
      );
      count(tally.objects, kind);
    }
  } finally {
    await client.end();
  }
  return parts;
}

/** One damage of each kind, the kinds that were rare so far first. */
function rarest(shuffled: readonly Damage[], { damages }: Tally): Damage[] {
  const oneOfKind = new Map(shuffled.map((damage) => [damage.kind, damage]));
  const often = ({ kind }: Damage) => damages.get(kind) ?? 0;
  return [...oneOfKind.values()].sort((a, b) => often(a) - often(b));
}

async function damaged(copies: SqlServer, { sql }: Damage, copy: string): Promise<void> {
  const statement = sql.replaceAll('DATABASE DATABASE', `DATABASE ${ident(copy)}`);
  try {
    // Neither a trigger nor a rule of the schema may undo it.
    await copies.sql(`SET session_replication_role = replica; ${statement}`, copy);
  } catch (error) {
    throw new Error(`the damage could not be done: ${statement}`, { cause: error });
  }
}

async function backUpAndRestore(
  { source, bench, scratch }: World,
  database: string,
): Promise<{ manifest: Manifest; archive: string }> {
  const platform = bench.platform(source, [database], { user: 'socle_backup' });
  const [config] = platform.databases;
  if (config) await source.sql(grantSql(config), database);
  const request = { platform, database: nameOf(database), deep: true, actor: 'cli:test' };
  const backup = await runBackup(request, bench.deps());
  expect(backup).toMatchObject({ status: 'good', missing: [] });

  const artifact = await findArtifact(bench.vault, backup.id);
  const { inventory } = artifact.manifest;
  const work = join(scratch.directory, 'archive');
  await rm(join(work, 'backup.dump'), { force: true });
  const { archive, roles: sql } = await fetchArtifact(bench.vault, artifact, work);
  await prepareServer(scratch, inventory, sql, new AbortController().signal);
  await restoreArchive({
    server: scratch,
    inventory,
    archive,
    work,
    target: database,
    database: 'postgres',
    jobs: 2,
    create: true,
    exitOnError: true,
  });
  return { manifest: artifact.manifest, archive };
}

/** Fails when a kind was never there; else prints the counts. */
export function showTally({ objects, damages }: Tally, seed: number): void {
  const lines = (tally: Map<string, number>) =>
    [...tally].map(([kind, number]) => `  ${String(number).padStart(5)}  ${kind}`);
  process.stdout.write(
    ['', `property test, seed ${seed}`, 'objects:', ...lines(objects), 'damages:', ...lines(damages), ''].join('\n'),
  );
  const never = [...objects, ...damages].filter(([, number]) => number === 0).map(([kind]) => kind);
  expect(never).toEqual([]);
}
