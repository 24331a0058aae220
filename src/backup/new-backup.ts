import type { Backup } from './schema.ts';

/** A backup of which nothing is known yet but that it has begun. */
export function newBackup(id: string, database: string, startedAt: Date, deep: boolean): Backup {
  return {
    id,
    database,
    timestamp: startedAt.toISOString(),
    startedAt: startedAt.toISOString(),
    finishedAt: null,
    status: 'running',
    size: null,
    retention: { class: [], held: null },
    durationMs: null,
    timings: null,
    versions: null,
    deep,
    rows: null,
    tables: null,
    proof: { status: 'unproven', drill: null, at: null },
    integrity: { presence: null, structure: null, data: null },
    copiedAt: null,
    warnings: [],
    missing: [],
    failure: null,
  };
}
