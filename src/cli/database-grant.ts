import { grantSql } from '../database/grant.ts';
import { databaseNamed } from '../platform/databases.ts';
import { text } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle database grant` */
export const verb = define({
  options: { name: text('[name]', 'which database (needed when there are several)') },
  examples: ['socle database grant shop', 'socle database grant shop | psql -X -v ON_ERROR_STOP=1 -d shop'],
  about: 'Prints SQL for a superuser to run. Nothing is changed by this command; the SQL may be run again at any time.',
  async run({ name }, session) {
    const database = databaseNamed(await session.platform(), name);
    const sql = grantSql(database);
    return { data: { database: database.name, role: database.connection.user, sql }, text: sql };
  },
});
