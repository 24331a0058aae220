import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { ownFile } from '../kernel/place.ts';

const directory = ownFile('src/demo/sample');
const rolePrefix = 'socle_demo_';

export interface SampleOptions {
  /** Start of the names of its roles, which belong to the whole server; default `socle_demo_`. */
  readonly roles?: string;
  /** Called before each part, with its name. */
  readonly onPart?: (name: string) => void;
}

/**
 * Fills the empty database that a superuser is connected to with the sample company: about 780,000 rows in some forty
 * tables, and one of every kind of object that a restore can get wrong. The same content every time, on PostgreSQL 15
 * and newer.
 */
export async function installSample(client: pg.ClientBase, options: SampleOptions = {}): Promise<void> {
  const parts = (await readdir(directory)).filter((name) => name.endsWith('.sql')).sort();
  for (const part of parts) {
    options.onPart?.(part.replace(/^\d-|\.sql$/g, ''));
    const sql = await readFile(join(directory, part), 'utf8');
    await client.query(sql.replaceAll(rolePrefix, options.roles ?? rolePrefix));
  }
  await client.query('RESET ALL');
}
