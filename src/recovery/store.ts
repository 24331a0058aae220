import type { DatabaseSync } from 'node:sqlite';
import { knownIdentity } from '../backup/vault-identity.ts';
import { migrate } from '../kernel/sqlite.ts';
import type { Platform } from '../platform/schema.ts';
import { vaultsOf } from '../platform/vaults.ts';
import type { Kit } from './schema.ts';

const migrations = [
  `CREATE TABLE recovery_kit (
     id TEXT PRIMARY KEY, created_at TEXT NOT NULL, repositories TEXT NOT NULL, confirmed_at TEXT
   ) STRICT`,
  'ALTER TABLE recovery_kit ADD COLUMN vaults TEXT',
];

const states = {
  confirmed: 'the recovery kit has opened the vault and read its newest backup',
  unconfirmed: 'the recovery kit was not tried yet: `socle kit confirm --from DIRECTORY`',
  outdated: 'the recovery kit is for other vaults: `socle kit create --to DIRECTORY` makes a new one',
  none: 'there is no recovery kit: `socle kit create --to DIRECTORY`',
} as const;

/** What is known here of the recovery kit. */
export interface KitStatus {
  readonly state: keyof typeof states;
  /** One sentence. */
  readonly detail: string;
  readonly id: string | null;
  readonly createdAt: string | null;
  readonly confirmedAt: string | null;
}

/** Notes that a kit was made, or that it opened the vaults. */
export function noteKit(db: DatabaseSync, kit: Kit, confirmedAt: Date | null): void {
  migrate(db, 'recovery-kit', migrations);
  db.prepare(
    `INSERT INTO recovery_kit (id, created_at, repositories, confirmed_at, vaults) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET confirmed_at = coalesce(excluded.confirmed_at, confirmed_at)`,
  ).run(
    kit.id,
    kit.createdAt,
    JSON.stringify(kit.vaults.map(({ repository }) => repository)),
    confirmedAt?.toISOString() ?? null,
    JSON.stringify(kit.vaults.map(({ repository, address, repositoryId }) => ({ repository, address, repositoryId }))),
  );
}

/**
 * The kit that serves best: one that was confirmed before a newer one that was not, any before one
 * for other vaults, or for others that are at the same place by now.
 */
export function kitStatus(db: DatabaseSync, platform: Platform): KitStatus {
  migrate(db, 'recovery-kit', migrations);
  const needed = vaultsOf(platform).map(({ repository }) => repository);
  const fitsNow = (row: Record<string, unknown>) => {
    const opens = vaultsIn(row.vaults);
    return needed.every((repository) => {
      const vault = opens.find((one) => one.repository === repository);
      return vault !== undefined && (knownIdentity(db, vault.address) ?? vault.repositoryId) === vault.repositoryId;
    });
  };
  const kits = db
    .prepare('SELECT * FROM recovery_kit ORDER BY created_at DESC, rowid DESC')
    .all()
    .map((row) => {
      const tried = row.confirmed_at === null ? ('unconfirmed' as const) : ('confirmed' as const);
      return { row, state: fitsNow(row) ? tried : ('outdated' as const) };
    });
  const order = ['confirmed', 'unconfirmed', 'outdated'] as const;
  const best = order.flatMap((state) => kits.filter((kit) => kit.state === state))[0];
  const state = best?.state ?? 'none';
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return {
    state,
    detail: states[state],
    id: text(best?.row.id),
    createdAt: text(best?.row.created_at),
    confirmedAt: text(best?.row.confirmed_at),
  };
}

interface NotedVault {
  readonly repository: string;
  readonly address: string;
  readonly repositoryId: string;
}

/** Of a kit that an older Socle made nothing is known: it fits no vault, and a new one does. */
const vaultsIn = (text: unknown): readonly NotedVault[] => (typeof text === 'string' ? JSON.parse(text) : []);

/** Is its absence worth a warning? Where there is something to lose: a host, or production. */
export const kitWanted = ({ host, environment, backup }: Platform): boolean =>
  backup !== undefined && (host !== undefined || environment === 'prod');
