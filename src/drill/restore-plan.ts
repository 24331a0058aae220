import type { Inventory } from '../database/inventory-schema.ts';
import { databaseArgument } from './proof/programs.ts';

/** What a restore leaves out, or takes alone. */
export interface RestoreSelection {
  /** Only what is in this schema. */
  readonly schema?: string;
  /** Only this table; `schema` names where. */
  readonly table?: string;
}

export interface RestoreCommand {
  readonly archive: string;
  /** Database to connect to: the target, or with `create` one to start from. */
  readonly database: string;
  /** Creates the database with its properties, settings and comments. */
  readonly create: boolean;
  readonly jobs: number;
  /** Stop at the first error; else go on and count them. */
  readonly exitOnError: boolean;
  /** File with the entries to restore, as `pg_restore --list` prints them. */
  readonly list?: string;
  readonly tablespaces?: boolean;
  readonly selection?: RestoreSelection;
}

/** Arguments of pg_restore(1). */
export function restoreArguments(command: RestoreCommand): string[] {
  const { selection = {} } = command;
  return [
    ...(command.create ? ['--create'] : []),
    ...(command.exitOnError ? ['--exit-on-error'] : []),
    `--jobs=${command.jobs}`,
    ...(command.tablespaces === false ? ['--no-tablespaces'] : []),
    ...(command.list === undefined ? [] : [`--use-list=${command.list}`]),
    ...(selection.schema === undefined ? [] : [`--schema=${selection.schema}`]),
    ...(selection.table === undefined ? [] : [`--table=${selection.table}`]),
    `--dbname=${databaseArgument(command.database)}`,
    command.archive,
  ];
}

/** The database that `CREATE DATABASE name` is sent from: any other one that every cluster has. */
export function maintenanceDatabase(name: string): string {
  return name === 'postgres' ? 'template1' : 'postgres';
}

/** Extensions whose version on the source is not what CREATE EXTENSION would give here. */
export function extensionsToPin(
  extensions: Inventory['server']['extensions'],
  defaults: ReadonlyMap<string, string>,
): Inventory['server']['extensions'] {
  return extensions.filter(({ name, version }) => defaults.has(name) && defaults.get(name) !== version);
}

/**
 * Entries of event triggers apart from all others, for `pg_restore --use-list`. pg_restore makes event triggers before, or
 * while, it refreshes materialized views: one that refuses DDL would stop it.
 * @param list as for `splitList`
 */
export function eventTriggersLast(list: string): { readonly most: string; readonly last: string } {
  const entries = list.split('\n').filter((line) => /^\d+;/.test(line));
  const last = (line: string) => /^\d+; \d+ \d+ (EVENT TRIGGER -|(COMMENT|SECURITY LABEL) - EVENT TRIGGER) /.test(line);
  const text = (lines: string[]) => lines.map((line) => `${line}\n`).join('');
  return { most: text(entries.filter((line) => !last(line))), last: text(entries.filter(last)) };
}

/** Lists for `pg_restore --use-list`: what comes before the extensions that we create ourselves, and the rest. */
export interface SplitList {
  /** The database with all that only `--create` restores, and the schemas. */
  readonly before: string;
  readonly after: string;
}

/**
 * A dumped CREATE EXTENSION names no version. So the restore is done in two parts where that matters: the database and
 * its schemas, then (after we have created those extensions, in the source's version) everything else, where
 * `CREATE EXTENSION IF NOT EXISTS` finds them there.
 * @param list what `pg_restore --list` printed: `id; class oid KIND schema name owner` per entry
 */
export function splitList(list: string): SplitList {
  const entries = list.split('\n').filter((line) => /^\d+;/.test(line));
  const early = (line: string) =>
    /^\d+; \d+ \d+ (SCHEMA -|DATABASE( PROPERTIES)? -|(ACL|COMMENT|SECURITY LABEL) - DATABASE) /.test(line);
  const text = (lines: string[]) => `${lines.join('\n')}\n`;
  return { before: text(entries.filter(early)), after: text(entries.filter((line) => !early(line))) };
}
