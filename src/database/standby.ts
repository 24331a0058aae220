import type pg from 'pg';
import type { RelationRow } from './inventory-facts.ts';
import { ofUser, qualified } from './inventory-sql.ts';

/** How many names a text gives. */
const named = 10;

const list = (names: readonly string[]) =>
  names.slice(0, named).join(', ') + (names.length > named ? ` and ${names.length - named} more` : '');

/**
 * Up to which moment of its primary a standby has replayed, by the clocks of both; null on a primary. A standby that
 * has replayed all that it received, and still receives, has everything up to now; any other one is as old as the last
 * commit that it replayed. https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL
 */
export async function replayedUntil(client: pg.ClientBase): Promise<Date | null> {
  const { rows } = await client.query<{ at: Date | null }>(
    `SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN NULL
       WHEN pg_catalog.pg_last_wal_receive_lsn() OPERATOR(pg_catalog.=) pg_catalog.pg_last_wal_replay_lsn()
         AND EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver) THEN pg_catalog.statement_timestamp()
       ELSE LEAST(COALESCE(pg_catalog.pg_last_xact_replay_timestamp(), pg_catalog.statement_timestamp()),
         pg_catalog.statement_timestamp()) END AS at`,
  );
  return rows[0]?.at ?? null;
}

/** Relations whose rows this server does not have: a standby gets none of unlogged tables and sequences. */
export const unread = (relations: readonly RelationRow[], standby: boolean): ReadonlySet<string> =>
  new Set(standby ? relations.filter(({ unlogged }) => unlogged).map(({ name }) => name) : []);

/** What a backup of a standby says of them; null where there are none. */
export function describeUnread(names: ReadonlySet<string>): string | null {
  if (names.size === 0) return null;
  return (
    `the source is a standby, which has no rows of unlogged tables and sequences: the backup lacks the rows of ` +
    `${list([...names])} (a restore makes them empty; back up the primary if they matter)`
  );
}

interface Settings {
  readonly feedback: string;
  readonly delay: string;
  readonly unlogged: string[];
}

/**
 * What is to be known before a standby is backed up: conflicts with replication, unlogged tables, the heartbeat, what it
 * lags behind. Empty on a primary.
 */
export async function standbyNotes(client: pg.ClientBase): Promise<string[]> {
  const until = await replayedUntil(client);
  if (until === null) return [];
  const { rows } = await client.query<Settings & { now: Date }>(
    `SELECT current_setting('hot_standby_feedback') AS feedback, current_setting('max_standby_streaming_delay') AS delay,
       statement_timestamp() AS now,
       ARRAY(SELECT ${qualified('n', 'c.relname')} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'S') AND c.relpersistence = 'u' AND ${ofUser('n', 'c.oid')} ORDER BY 1) AS unlogged`,
  );
  const row = rows[0];
  if (!row) return [];
  const behind = Math.round((row.now.getTime() - until.getTime()) / 1_000);
  const gone = describeUnread(new Set(row.unlogged));
  return [
    'the server is a standby: run the SQL of `socle database grant` on its primary, from where it replicates',
    'no heartbeat can be written to a standby: data loss is measured by the moment up to which it has replayed',
    ...conflicts(row),
    ...(gone === null ? [] : [gone]),
    ...(behind > 60 ? [`the standby is ${behind} s behind, or its primary was idle: a backup is as old as that`] : []),
  ];
}

/** `max_standby_streaming_delay = -1` lets a dump end, whatever the primary does; feedback prevents only VACUUM's share. */
function conflicts({ feedback, delay }: Settings): string[] {
  if (delay === '-1') return [];
  const cause =
    feedback === 'on'
      ? 'DROP, TRUNCATE and ALTER TABLE on the primary cancel'
      : '`hot_standby_feedback` is off: VACUUM, DROP, TRUNCATE and ALTER TABLE on the primary cancel';
  const cure = feedback === 'on' ? '' : 'set `hot_standby_feedback = on` and ';
  return [
    `${cause} a dump that keeps replication waiting for longer than \`max_standby_streaming_delay\` (${delay}): ` +
      `${cure}raise the delay above the time of a backup on this standby (-1: wait without limit)`,
  ];
}
