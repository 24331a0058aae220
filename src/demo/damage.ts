import type { Vault } from '../backup/vault.ts';
import { findArtifact } from '../drill/artifact.ts';
import { attempt } from '../drill/attempt.ts';
import type { Difference, Proof } from '../drill/schema.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Progress } from '../kernel/progress.ts';
import { statePaths } from '../platform/paths.ts';
import type { Platform } from '../platform/schema.ts';

/** One cent on one line of one order, out of 200,000. */
export const damage = {
  table: 'sales.order_lines',
  row: { order: 4242, line: 2 },
  column: 'unit_price',
  sql: 'UPDATE sales.order_lines SET unit_price = unit_price + 0.01 WHERE "order" = 4242 AND line = 2',
} as const;

export interface DamageDeps {
  readonly vault: Vault;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface DamageResult {
  readonly proof: Proof;
  /** The proof named the table, the row and the column, and nothing else. */
  readonly named: boolean;
  readonly durationMs: number;
}

/** Restores the backup again, changes one value in the copy, and lets the proof find it. */
export async function damageOneValue(platform: Platform, backup: string, deps: DamageDeps): Promise<DamageResult> {
  const began = deps.clock.monotonic();
  const artifact = await findArtifact(deps.vault, backup, deps.signal);
  const result = await attempt({
    ...deps,
    // What the artifact says is enough to find it: hashing every table by SQL once more would only take time.
    artifact: { ...artifact, manifest: { ...artifact.manifest, fingerprints: null } },
    config: platform.drill,
    root: statePaths(platform).scratch,
    showValues: true,
    beforeProof: async (server, database) => {
      deps.progress.step(`adding one cent to one value of ${damage.table} in the restored copy`);
      const client = await server.connect(database);
      try {
        const { rowCount } = await client.query(damage.sql);
        if (rowCount !== 1) throw new Error(`the damage was to be one row, and it was ${rowCount}`);
      } finally {
        await client.end();
      }
    },
  });
  if (result.failure !== null) throw result.failure;
  if (result.fault !== null) throw result.fault.failure;
  const proof = result.proof?.value;
  if (proof === undefined) throw new Error('a restore without a failure has a proof');
  const durationMs = Math.round(deps.clock.monotonic() - began);
  return { proof, named: isNamed(proof.differences, proof.differencesTotal), durationMs };
}

function isNamed(differences: readonly Difference[], total: number): boolean {
  const [one] = differences;
  return (
    total === 1 &&
    one?.object === damage.table &&
    one.problem === 'changed' &&
    one.column === damage.column &&
    Object.values(damage.row).every((key) => new RegExp(`\\b${key}\\b`).test(one.row ?? ''))
  );
}
