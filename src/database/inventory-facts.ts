import type { DataRelation, ServerFacts } from './inventory-schema.ts';
import { notMember, ofUser, qualified, usedTablespace } from './inventory-sql.ts';

/** Settings of the server that change the meaning of data, of a dump or of a restore. */
const meaningful = [
  'server_encoding',
  'block_size',
  'integer_datetimes',
  'max_identifier_length',
  'wal_level',
  'lc_messages',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'TimeZone',
  'default_text_search_config',
  'lo_compat_privileges',
  'default_toast_compression',
  'default_table_access_method',
  'dynamic_library_path',
  'extension_control_path',
];

const locale = (version: number) =>
  version >= 170_000
    ? { provider: 'd.datlocprovider', icu: 'd.datlocale', collation: 'c.colllocale' }
    : version >= 150_000
      ? { provider: 'd.datlocprovider', icu: 'd.daticulocale', collation: 'c.colliculocale' }
      : { provider: `'c'`, icu: 'NULL', collation: `CASE c.collprovider WHEN 'i' THEN c.collcollate END` };

const providers: Readonly<Record<string, 'libc' | 'icu' | 'builtin'>> = { c: 'libc', i: 'icu', b: 'builtin' };

/** What is to be known of the server and the database before the objects. */
export function factsSql(version: number): string {
  const names = locale(version);
  return `SELECT current_database() AS database, pg_database_size(current_database())::text AS bytes,
      pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate, d.datctype AS ctype,
      ${names.provider}::text AS provider, ${names.icu} AS icu,
      (SELECT r.rolname FROM pg_roles r WHERE r.oid = 10) AS superuser, current_setting('server_version') AS version, current_setting('data_checksums') = 'on' AS checksums,
      current_setting('shared_preload_libraries', true) AS preload,
      (SELECT jsonb_object_agg(s.name, s.setting) FROM pg_settings s WHERE s.name = ANY ('{${meaningful.join(',')}}')) AS settings,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('name', e.extname, 'version', e.extversion, 'schema', n.nspname) ORDER BY e.extname), '[]')
         FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace) AS extensions,
      (SELECT coalesce(jsonb_agg(s.spcname ORDER BY s.spcname), '[]') FROM pg_tablespace s
         WHERE ${usedTablespace('s')}) AS tablespaces,
      (SELECT coalesce(jsonb_agg(jsonb_build_object('name', format('%I.%I', n.nspname, c.collname), 'provider', c.collprovider,
            'locale', coalesce(${names.collation}, c.collcollate), 'version', c.collversion) ORDER BY n.nspname, c.collname), '[]')
         FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
         WHERE c.collprovider IN ('c', 'i') AND c.collname NOT IN ('C', 'POSIX') AND (
           c.oid IN (SELECT a.attcollation FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid WHERE r.oid >= 16384)
           OR c.oid IN (SELECT unnest(i.indcollation) FROM pg_index i WHERE i.indexrelid >= 16384)
           OR c.oid IN (SELECT t.typcollation FROM pg_type t WHERE t.oid >= 16384))) AS collations
    FROM pg_database d WHERE d.datname = current_database()`;
}

export interface FactsRow {
  readonly database: string;
  readonly bytes: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  readonly provider: string;
  readonly icu: string | null;
  readonly superuser: string;
  readonly version: string;
  readonly checksums: boolean;
  readonly preload: string | null;
  readonly settings: Record<string, string>;
  readonly extensions: ServerFacts['extensions'];
  readonly tablespaces: string[];
  readonly collations: ServerFacts['collations'];
}

export function serverFacts(row: FactsRow, version: number): ServerFacts {
  return {
    versionNumber: version,
    version: row.version,
    superuser: row.superuser,
    major: Math.floor(version / 10_000),
    encoding: row.encoding,
    collate: row.collate,
    ctype: row.ctype,
    localeProvider: providers[row.provider] ?? 'libc',
    icuLocale: row.icu,
    collations: row.collations.map((collation) => ({
      ...collation,
      provider: providers[collation.provider] ?? collation.provider,
    })),
    dataChecksums: row.checksums,
    preloadLibraries: (row.preload ?? '')
      .split(',')
      .map((library) => library.trim())
      .filter((library) => library !== ''),
    tablespaces: row.tablespaces,
    extensions: row.extensions,
    settings: row.settings,
  };
}

/**
 * Relations with rows of their own; a materialized view that was never populated has none. Tables of extensions are among them: their rows are not the extension's, and
 * pg_dump carries them only where the extension says so.
 */
export const relationsSql = `SELECT * FROM (SELECT c.oid::text AS oid, ${qualified('n', 'c.relname')} AS name, n.nspname AS schema, c.relname AS table,
    pg_get_userbyid(c.relowner) AS owner, c.relpersistence = 'u' AS unlogged,
    CASE WHEN NOT ${notMember('pg_class', 'c.oid')} THEN 'extension table' WHEN c.relkind = 'S' THEN 'sequence'
      WHEN c.relkind = 'm' THEN 'materialized view' WHEN c.relispartition THEN 'partition' ELSE 'table' END AS kind,
    EXISTS (SELECT FROM pg_depend m JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tableoid'
      WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid AND m.deptype = 'e'
        AND NOT (a.xmin = m.xmin AND a.cmin = m.cmin)) AS attached,
    coalesce((SELECT jsonb_agg(a.attname ORDER BY a.attname COLLATE "C") FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''), '[]') AS columns,
    coalesce((SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'virtual', a.attgenerated = 'v') ORDER BY a.attname COLLATE "C") FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated <> ''), '[]') AS generated,
    coalesce((SELECT (SELECT jsonb_agg(a.attname ORDER BY k.position) FROM unnest(i.indkey) WITH ORDINALITY k(attnum, position)
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.position <= i.indnkeyatts)
       FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
         AND i.indpred IS NULL AND i.indexprs IS NULL
         AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull)
       ORDER BY i.indisprimary DESC, i.indnkeyatts, (SELECT x.relname FROM pg_class x WHERE x.oid = i.indexrelid) LIMIT 1), '[]') AS key,
    pg_total_relation_size(c.oid)::text AS bytes
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'm', 'S') AND c.relispopulated AND ${ofUser('n', 'c.oid')}
    AND NOT (c.relkind = 'S' AND NOT ${notMember('pg_class', 'c.oid')})
  ) relations ORDER BY name COLLATE "C"`;

export interface RelationRow {
  readonly oid: string;
  readonly name: string;
  readonly schema: string;
  readonly table: string;
  readonly owner: string;
  readonly kind: DataRelation['kind'];
  readonly unlogged: boolean;
  /**
   * A table that ALTER EXTENSION … ADD made part of an extension: CREATE EXTENSION does not bring it back. The command
   * that makes a table records its membership too, when it is in the extension's own script: here another one did.
   * (pg_upgrade attaches everything: there, tables of scripts count as attached, which errs on the safe side.)
   */
  readonly attached: boolean;
  readonly columns: string[];
  readonly generated: { name: string; virtual: boolean }[];
  readonly key: string[];
  readonly bytes: string;
}

export const dataRelation = ({
  name,
  schema,
  table,
  kind,
  columns,
  generated,
  key,
  bytes,
}: RelationRow): DataRelation => ({
  name,
  schema,
  table,
  kind,
  columns,
  generated,
  key,
  bytes: Number(bytes),
});
