/**
 * Pieces of SQL that every part of the inventory uses. Each part is a query that returns one row per object with
 * `catalog, oid, sub, kind, name, properties`; names and texts are stable over a dump and a restore: no OIDs, no
 * physical facts, no order of columns. All of it runs with `search_path = pg_catalog`, so names come out qualified.
 */

export interface InventoryOptions {
  /** Read the password hashes of roles, to compare them; they are never kept as they are. */
  readonly passwords?: boolean;
}

/** One part of the inventory for a server of this `server_version_num`. */
export type InventoryPart = (version: number, options: InventoryOptions) => string;

/** One object as a part returns it. Catalog and OID find its comment, its label and its entry in the archive. */
export interface CatalogRow {
  readonly catalog: string;
  readonly oid: string;
  readonly sub: number;
  readonly kind: string;
  readonly name: string;
  readonly properties: Record<string, string | number | boolean | null>;
}

/** Smallest OID that a user's object can have; below are those of initdb. `FirstNormalObjectId` in transam.h. */
export const firstUserOid = 16_384;

/** `kind` and `name` are SQL expressions; so are the values of `properties`, whose nulls are left out. */
export function object(
  catalog: string,
  oid: string,
  kind: string,
  name: string,
  properties: Readonly<Record<string, string>>,
  sub = '0',
): string {
  const pairs = Object.entries(properties).map(([key, value]) => `'${key}', ${value}`);
  // jsonb_build_object takes at most 100 arguments.
  return `SELECT '${catalog}' AS catalog, ${oid}::text AS oid, (${sub})::int AS sub, ${kind} AS kind, ${name} AS name,
    jsonb_strip_nulls(jsonb_build_object(${pairs.join(', ')})) AS properties`;
}

/** Texts of a set, sorted and joined: comparable whatever their order was. */
export const sorted = (from: string, text = 'x::text', where = 'true') =>
  `(SELECT string_agg(${text}, ', ' ORDER BY (${text}) COLLATE "C") FROM ${from} WHERE ${where})`;

/** Rights with the built-in default made explicit: a right that was never granted equals one that was and is the default. */
export const acl = (column: string, type: string, owner: string) =>
  `(SELECT coalesce(string_agg(x::text, ' ' ORDER BY x::text COLLATE "C"), '')
      FROM unnest(coalesce(${column}, acldefault('${type}', ${owner}))) x)`;

/**
 * An array of `name=value` options, sorted. `pg_attver` is no option: newer minor releases count the changes of a column
 * under that name, and pg_dump leaves it out as well (seen with 17.12).
 */
export const options = (column: string) => sorted(`unnest(${column}) x`, 'x', "x NOT LIKE 'pg\\_attver=%'");

/** A secret to be compared, and never kept. */
export const secret = (text: string) => `substr(encode(sha256(convert_to(${text}, 'UTF8')), 'hex'), 1, 16)`;

export const owner = (column: string) => `pg_get_userbyid(${column})`;

/** Not made by an extension: such objects come back with CREATE EXTENSION. */
export const notMember = (catalog: string, oid: string) =>
  `NOT EXISTS (SELECT FROM pg_depend md WHERE md.classid = '${catalog}'::regclass AND md.objid = ${oid} AND md.deptype = 'e')`;

/** Of a user: in a schema that is neither temporary nor TOAST's, or made by a user in a system schema. */
export const ofUser = (namespace: string, oid: string) =>
  `${namespace}.nspname !~ '^pg_(temp_|toast)' AND (${namespace}.nspname NOT IN ('pg_catalog', 'information_schema')
     OR ${oid} >= ${firstUserOid})`;

/** Extensions with which an object goes: `ALTER … DEPENDS ON EXTENSION`. */
export const dependsOn = (catalog: string, oid: string) =>
  `(SELECT string_agg(quote_ident(xe.extname), ', ' ORDER BY xe.extname) FROM pg_depend xd JOIN pg_extension xe ON xe.oid = xd.refobjid
     WHERE xd.classid = '${catalog}'::regclass AND xd.objid = ${oid} AND xd.refclassid = 'pg_extension'::regclass AND xd.deptype = 'x')`;

/** Made by a user, and with something of this database in it. */
export const usedTablespace = (alias: string) =>
  `${alias}.oid >= ${firstUserOid} AND (${alias}.oid = (SELECT ud.dattablespace FROM pg_database ud WHERE ud.datname = current_database())
     OR EXISTS (SELECT FROM pg_class uc WHERE uc.reltablespace = ${alias}.oid AND uc.relkind IN ('r', 'p', 'm', 'i', 'I') AND uc.oid >= ${firstUserOid}))`;

/** `schema.name`, quoted where needed. */
export const qualified = (namespace: string, name: string) => `format('%I.%I', ${namespace}.nspname, ${name})`;

/** Name of the relation with this OID. */
export const relationName = (oid: string) =>
  `(SELECT format('%I.%I', qn.nspname, qc.relname) FROM pg_class qc JOIN pg_namespace qn ON qn.oid = qc.relnamespace
     WHERE qc.oid = ${oid})`;
