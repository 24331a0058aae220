import type { DatabaseSync } from 'node:sqlite';
import { migrate } from '../kernel/sqlite.ts';
import type { Vault } from './vault.ts';

const migrations = [
  'CREATE TABLE vault_identity (address TEXT PRIMARY KEY, id TEXT NOT NULL, seen_at TEXT NOT NULL) STRICT',
];

/** Asks a vault which repository it is, and notes it. @returns the id, which stays wherever the repository is moved */
export async function identifyVault(db: DatabaseSync, vault: Vault, now: Date, signal?: AbortSignal): Promise<string> {
  const id = await vault.identify(signal);
  migrate(db, 'vault-identity', migrations);
  db.prepare(
    `INSERT INTO vault_identity VALUES (?, ?, ?)
       ON CONFLICT (address) DO UPDATE SET id = excluded.id, seen_at = excluded.seen_at`,
  ).run(vault.address, id, now.toISOString());
  return id;
}

/** The repository that was last seen at an address; undefined when none was. */
export function knownIdentity(db: DatabaseSync, address: string): string | undefined {
  migrate(db, 'vault-identity', migrations);
  const row = db.prepare('SELECT id FROM vault_identity WHERE address = ?').get(address);
  return row === undefined ? undefined : String(row.id);
}
