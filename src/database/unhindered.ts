import type pg from 'pg';

/** A setting that can stop a restore or a proof, or change what comes of it, and the value that does not. */
interface Neutral {
  readonly value: string;
  /** First major version that has it. */
  readonly since?: number;
  /** First major version that has it no longer. */
  readonly until?: number;
  /** Changes how values and definitions are written: a dump of the copy has it as the dump of the source had. */
  readonly text?: true;
}

/**
 * Sessions of a restore and of a proof have these, whatever the server, the database or the role sets: they come as
 * options of the connection, which win over ALTER DATABASE and ALTER ROLE (PostgreSQL, "Setting Parameters").
 */
export const neutral: Readonly<Record<string, Neutral>> = {
  // What ends or stops a session.
  statement_timeout: { value: '0' },
  lock_timeout: { value: '0' },
  idle_in_transaction_session_timeout: { value: '0' },
  idle_session_timeout: { value: '0', since: 14 },
  transaction_timeout: { value: '0', since: 17 },
  client_connection_check_interval: { value: '0', since: 14 },
  tcp_user_timeout: { value: '0' },
  exit_on_error: { value: 'off' },
  deadlock_timeout: { value: '1s' },
  temp_file_limit: { value: '-1' },
  max_stack_depth: { value: '2MB' },
  commit_delay: { value: '0' },
  // What a session may do, and where.
  default_transaction_read_only: { value: 'off' },
  default_transaction_isolation: { value: 'read committed' },
  default_transaction_deferrable: { value: 'off' },
  default_tablespace: { value: '' },
  temp_tablespaces: { value: '' },
  default_table_access_method: { value: 'heap' },
  row_security: { value: 'off' },
  search_path: { value: 'pg_catalog', text: true },
  createrole_self_grant: { value: '', since: 16 },
  // What runs besides.
  session_replication_role: { value: 'origin' },
  event_triggers: { value: 'off', since: 17 },
  check_function_bodies: { value: 'off' },
  local_preload_libraries: { value: '' },
  session_preload_libraries: { value: '' },
  jit: { value: 'off' },
  // What is understood.
  array_nulls: { value: 'on' },
  backslash_quote: { value: 'safe_encoding' },
  transform_null_equals: { value: 'off' },
  gin_fuzzy_search_limit: { value: '0' },
  timezone_abbreviations: { value: 'Default' },
  // What is said of it: errors are read by us, in English, from the answer and from the log.
  lc_messages: { value: 'C' },
  client_min_messages: { value: 'warning' },
  log_min_messages: { value: 'warning' },
  log_error_verbosity: { value: 'default' },
  log_min_error_statement: { value: 'error' },
  // How it is written.
  DateStyle: { value: 'ISO, YMD', text: true },
  IntervalStyle: { value: 'postgres', text: true },
  bytea_output: { value: 'hex', text: true },
  TimeZone: { value: 'UTC', text: true },
  xmlbinary: { value: 'base64', text: true },
  xmloption: { value: 'content', text: true },
  quote_all_identifiers: { value: 'off', text: true },
  standard_conforming_strings: { value: 'on', text: true, until: 19 },
  escape_string_warning: { value: 'off', text: true, until: 19 },
};

/** Every other setting that a session can have, and why it may stay as it is. A test compares both with `pg_settings`. */
export const left: ReadonlyArray<readonly [why: string, settings: RegExp]> = [
  [
    'changes how fast a query runs, and not what comes of it',
    /^(enable_|geqo|cpu_|jit_|(seq|random)_page_cost|parallel_|min_parallel_|max_parallel_|effective_(cache_size|io)|from_collapse|join_collapse|constraint_exclusion|cursor_tuple|plan_cache|recursive_worktable|hash_mem|work_mem|maintenance_(work_mem|io)|logical_decoding_work_mem|temp_buffers|backend_flush|io_combine_limit|file_copy_method|synchronize_seqscans|commit_siblings|vacuum_(cost|buffer|truncate|max_eager)|wal_(init|recycle|skip|compression|consistency)|debug_(discard_caches|parallel_query|io_direct|logical_replication)|force_parallel_mode|optimize_bounded_sort|default_statistics_target)/,
  ],
  ['is about VACUUM, which a restore and a proof do not run', /^vacuum_/],
  [
    'is about figures and logs that nobody reads here',
    /^(log_|track_|stats_fetch|compute_query_id|debug_(pretty_print|print)|update_process_title|trace_|auto_explain|pg_stat)/,
  ],
  [
    'means something for the data: it is taken from the source',
    /^(default_text_search_config|lo_compat_privileges|default_toast_compression)$/,
  ],
  [
    'says where the source keeps its libraries: a scratch server has its value',
    /^(dynamic_library_path|extension_(control_path|destdir))$/,
  ],
  [
    'each program and each session of ours sets it itself',
    /^(client_encoding|extra_float_digits|lc_(monetary|numeric|time)|application_name|restrict_nonsystem_relation_kind|seed|scram_iterations|md5_password_warnings)$/,
  ],
  ['keeps a quiet connection alive, and ends none that answers', /^(tcp_keepalives_|wal_sender_(timeout|shutdown))/],
  [
    'is how a pending list is kept, or a password is hashed that comes as text',
    /^(gin_pending_list_limit|password_encryption)$/,
  ],
  ['is how much a commit waits for: what a server promises its operator', /^synchronous_commit$/],
  [
    'is for a developer of PostgreSQL, and no use is what a drill would survive',
    /^(allow_|ignore_|zero_damaged|ssl_renegotiation|post_auth_delay|send_abort|backtrace_functions|allow_alter_system)/,
  ],
  ['is of one transaction, and ends with it', /^transaction_(deferrable|isolation|read_only)$/],
  ['reads a function when it runs, not when it is restored', /^(plpgsql|plperl|plpython|pltcl|pgcrypto)\./],
];

/** The names that a server of this version knows, with their values. */
function known(versionNumber: number, dump: boolean): Array<[string, string]> {
  const major = Math.floor(versionNumber / 10_000);
  return Object.entries(neutral)
    .filter(
      ([, { since = 0, until = Number.POSITIVE_INFINITY, text }]) => since <= major && major < until && !(dump && text),
    )
    .map(([name, { value }]) => [name, value]);
}

/**
 * The neutral settings as options of a connection of a superuser, for libpq's `PGOPTIONS`.
 * @param dump for a dump of the copy, whose text is compared with that of the source's
 */
export function unhinderedOptions(versionNumber: number, dump = false): string {
  const word = (text: string) => text.replace(/[\\ ]/g, '\\$&');
  return known(versionNumber, dump)
    .map(([name, value]) => `-c ${name}=${word(value)}`)
    .join(' ');
}

/** The same for a role that may not set all of them: those that it may. Asked of an open connection. */
export async function allowedOptions(client: pg.ClientBase, versionNumber: number, dump = false): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT s.name FROM pg_catalog.pg_settings s WHERE s.context = 'user'
       OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)`,
  );
  const may = new Set(rows.map(({ name }) => name));
  return unhinderedOptions(versionNumber, dump)
    .split(/ (?=-c )/)
    .filter((option) => may.has(/^-c ([^=]+)=/.exec(option)?.[1] ?? ''))
    .join(' ');
}

/** Gives an open connection the neutral settings that it may have. `role` is in no list of settings. */
export async function unhinder(client: pg.ClientBase): Promise<void> {
  await client.query('SET ROLE NONE');
  const { rows } = await client.query<{ number: string }>(
    `SELECT pg_catalog.current_setting('server_version_num') AS number`,
  );
  const settings = known(Number(rows[0]?.number), false).filter(([name]) => !connectionOnly.has(name));
  await client.query({
    text: `SELECT pg_catalog.set_config(s.name, v.value, false)
      FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) v(name, value)
      JOIN pg_catalog.pg_settings s ON s.name OPERATOR(pg_catalog.=) v.name
      WHERE s.context OPERATOR(pg_catalog.=) 'user'
         OR (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname OPERATOR(pg_catalog.=) current_user)`,
    values: [settings.map(([name]) => name), settings.map(([, value]) => value)],
  });
}

/** Read when a session begins. */
const connectionOnly = new Set(['local_preload_libraries', 'session_preload_libraries']);
