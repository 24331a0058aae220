import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Inventory } from '../database/inventory-schema.ts';
import type { RestoredServer } from '../database/restored-server.ts';
import { fail } from '../kernel/errors.ts';
import { writeSharedFile } from '../kernel/shared-files.ts';
import { restoreFailure } from './classify.ts';
import { finished, restoring } from './program.ts';
import { type RestoreError, restoreErrors } from './restore-errors.ts';
import {
  eventTriggersLast,
  extensionsToPin,
  type RestoreCommand,
  restoreArguments,
  splitList,
} from './restore-plan.ts';

export interface RestoreRequest extends Omit<RestoreCommand, 'list'> {
  readonly server: RestoredServer;
  readonly inventory: Inventory;
  /** The database that the content lands in: `database` of the command is another one when it creates this one. */
  readonly target: string;
  /** Directory for lists of entries. */
  readonly work: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs pg_restore, with every extension in the version of the source.
 * @returns the statements that failed; none unless `exitOnError` is false
 * @throws what `restoreFailure` says of the first error, `interrupted`
 */
export async function restoreArchive(request: RestoreRequest): Promise<RestoreError[]> {
  const { schema, table } = request.selection ?? {};
  // A part of a database has no extensions: they are not in a schema.
  if (schema !== undefined || table !== undefined) return pgRestore(request, request);
  const { extensions } = request.inventory.server;
  const defaults = await defaultVersions(request);
  const pinned = defaults === null ? extensions : extensionsToPin(extensions, defaults);
  const triggers = request.inventory.objects.some(({ kind }) => kind === 'event trigger');
  if (pinned.length === 0 && !triggers) return pgRestore(request, request);
  const entries = await listEntries(request);
  const { most, last } = eventTriggersLast(entries);
  const file = join(request.work, 'entries.list');
  const errors: RestoreError[] = [];
  const restoreListed = async (list: string, command: RestoreCommand) => {
    if (list.trim() === '') return;
    writeSharedFile(file, list);
    errors.push(...(await pgRestore(request, { ...command, list: file })));
  };
  const inTarget = { ...request, create: false, database: request.target };
  try {
    if (pinned.length === 0) await restoreListed(most, request);
    else {
      const lists = splitList(most);
      await restoreListed(lists.before, request);
      await createExtensions(request, pinned);
      await restoreListed(lists.after, inTarget);
    }
    await restoreListed(last, inTarget);
    return errors;
  } finally {
    await rm(file, { force: true });
  }
}

async function pgRestore({ server, signal }: RestoreRequest, command: RestoreCommand): Promise<RestoreError[]> {
  const readable = [command.archive, ...(command.list === undefined ? [] : [command.list])];
  const child = server.start('pg_restore', restoreArguments(command), readable, {
    signal,
    env: { PGOPTIONS: restoring(server) },
  });
  const { exitCode, stderr, aborted } = await finished(child);
  if (aborted) throw fail('interrupted', 'the restore was interrupted');
  const errors = restoreErrors(stderr);
  // Without --exit-on-error it ends with 1 after errors that it counted; every other end is a failure of the whole.
  const salvaged = !command.exitOnError && exitCode === 1 && /errors ignored on restore: \d+/.test(stderr);
  if (exitCode !== 0 && !salvaged) throw restoreFailure(errors, exitCode);
  return errors;
}

async function listEntries({ server, archive, signal }: RestoreRequest): Promise<string> {
  const child = server.start('pg_restore', ['--create', '--list', archive], [archive], { signal });
  const { exitCode, stdout, stderr } = await finished(child);
  if (exitCode !== 0) throw restoreFailure(restoreErrors(stderr), exitCode);
  return stdout;
}

/**
 * The version that CREATE EXTENSION gives on this server, by extension. Null when the server cannot say: one control file
 * that it cannot read (58P01, 42501; 0A000 where it is a link that leads nowhere) spoils the list of all of them, and need not be of an extension that is wanted.
 */
async function defaultVersions({ server, database }: RestoreRequest): Promise<Map<string, string> | null> {
  const client = await server.connect(database);
  try {
    const { rows } = await client.query<{ name: string; default_version: string }>(
      'SELECT name, default_version FROM pg_catalog.pg_available_extensions',
    );
    return new Map(rows.map((row) => [row.name, row.default_version]));
  } catch (error) {
    if (/^(58|42501|0A000)/.test((error as { code?: string }).code ?? '')) return null;
    throw error;
  } finally {
    await client.end();
  }
}

async function createExtensions({ server, target }: RestoreRequest, pinned: Inventory['server']['extensions']) {
  const client = await server.connect(target);
  const quote = pg.escapeIdentifier;
  try {
    await client.query('SET default_transaction_read_only = off');
    for (const { name, version, schema } of pinned) {
      await client.query(
        `CREATE EXTENSION IF NOT EXISTS ${quote(name)} WITH SCHEMA ${quote(schema)} VERSION ${quote(version)} CASCADE`,
      );
    }
  } catch (error) {
    throw fail('drill-environment', `an extension could not be created: ${(error as Error).message}`, {}, error);
  } finally {
    await client.end();
  }
}
