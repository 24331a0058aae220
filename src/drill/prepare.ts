import pg from 'pg';
import type { Inventory } from '../database/inventory-schema.ts';
import type { RestoredServer } from '../database/restored-server.ts';
import { maintenanceDatabase } from './restore-plan.ts';
import { restoreRolesAsOnSource } from './roles.ts';
import { grant } from './target-database.ts';

/** What belongs to the server and not to the database: tablespaces, roles; and no database in the way of the restored one. */
export async function prepareServer(
  server: RestoredServer,
  inventory: Inventory,
  roles: string,
  signal: AbortSignal,
): Promise<void> {
  const { database } = inventory;
  const from = maintenanceDatabase(database);
  const client = await server.connect(from);
  try {
    for (const name of inventory.server.tablespaces) {
      const known = await client.query('SELECT FROM pg_catalog.pg_tablespace WHERE spcname = $1', [name]);
      if (known.rowCount === 0) await client.query(`CREATE TABLESPACE ${pg.escapeIdentifier(name)} LOCATION ''`);
    }
    if (database === 'template1') await client.query('ALTER DATABASE template1 IS_TEMPLATE false');
    await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
  await restoreRolesAsOnSource(server, roles, inventory.server, from, signal);
  await describeTablespaces(server, inventory, from);
}

/** Their owners, options, rights and comments: no dump of a database holds them, the inventory does. */
async function describeTablespaces(server: RestoredServer, { objects }: Inventory, from: string): Promise<void> {
  const tablespaces = objects.filter(({ kind }) => kind === 'tablespace');
  if (tablespaces.length === 0) return;
  const client = await server.connect(from);
  try {
    for (const { name, properties } of tablespaces) {
      const { owner, options, acl, comment } = properties;
      if (typeof owner === 'string')
        await client.query(`ALTER TABLESPACE ${name} OWNER TO ${pg.escapeIdentifier(owner)}`);
      for (const option of typeof options === 'string' ? options.split(', ') : []) {
        const [parameter = '', value = ''] = option.split('=');
        await client.query(
          `ALTER TABLESPACE ${name} SET (${pg.escapeIdentifier(parameter)} = ${pg.escapeLiteral(value)})`,
        );
      }
      if (typeof acl === 'string') await grant(client, 'TABLESPACE', name, acl);
      if (typeof comment === 'string')
        await client.query(`COMMENT ON TABLESPACE ${name} IS ${pg.escapeLiteral(comment)}`);
    }
  } finally {
    await client.end();
  }
}
