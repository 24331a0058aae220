import { fail } from '../kernel/errors.ts';
import type { DatabaseConfig, Platform } from './schema.ts';

/**
 * The database of that name; without a name the only one there is.
 * @throws `not-found` for an unknown name, `usage` when there are several or none to choose from
 */
export function databaseNamed({ databases }: Platform, name: string | undefined): DatabaseConfig {
  const names = databases.map((database) => database.name);
  const [first] = databases;
  if (name === undefined) {
    if (first !== undefined && databases.length === 1) return first;
    throw fail('usage', `name one of the databases: ${names.join(', ') || 'the platform file has none'}`, {
      databases: names,
    });
  }
  const database = databases.find((one) => one.name === name);
  if (database) return database;
  throw fail('not-found', `the platform file has no database ${name} (it has ${names.join(', ') || 'none'})`, {
    databases: names,
    next: 'use one of the names under `databases`',
  });
}
