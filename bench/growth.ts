import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Backup } from '../src/backup/schema.ts';
import { formatSize } from '../src/kernel/units.ts';
import type { Backups } from './backup.ts';
import type { Bench } from './bench.ts';
import { type Promised, print, shell } from './measure.ts';
import { socle } from './site.ts';

const changes: readonly (readonly [table: string, change: string])[] = [
  ['accounts', 'balance = balance + 1'],
  ['documents', "title = title || ' (2)'"],
  ['events', 'body = body || \'{"seen": true}\''],
  ['articles', "title = title || ' (2)'"],
];

/** What a second backup adds to the vault after 1 % of the rows changed ÷ a compressed `pg_dump -Fc` file. */
export async function growthPromise({ directory, server, database, env }: Bench, { site }: Backups): Promise<Promised> {
  print('growth of the vault after 1 % of the rows changed');
  const file = join(directory, 'whole.dump');
  await shell(`pg_dump -Fc -f ${file}`, env);
  const { size } = await stat(file);
  await rm(file);
  const client = await server.connect(database);
  const after = async (where: (rows: number) => string): Promise<number> => {
    for (const [table, change] of changes) {
      const { rows } = await client.query<{ last: number }>(`SELECT max(id) AS last FROM ${table}`);
      await client.query(`UPDATE ${table} SET ${change} WHERE ${where(rows[0]?.last ?? 0)}`);
    }
    const backup = await socle<Backup>(site, ['backup', 'run']);
    return backup.size?.added ?? Number.NaN;
  };
  const range = await after((last) => `id BETWEEN ${Math.floor(last * 0.4)} AND ${Math.floor(last * 0.41)}`);
  const scattered = await after(() => 'id % 100 = 7');
  await client.end();
  print(`  a compressed pg_dump -Fc file                        ${formatSize(size)}`);
  print(
    `  growth, one key range                                ${formatSize(range)}  ${(range / size).toFixed(3)} of the file`,
  );
  print(
    `  growth, scattered rows (no goal)                     ${formatSize(scattered)}  ${(scattered / size).toFixed(3)} of the file`,
  );
  return { name: 'growth', ratio: range / size, goal: 0.15 };
}
