import { z } from 'zod';

/**
 * Socle's own inventory of a database, taken from `pg_catalog` in the exported snapshot of a backup, and again from the
 * restored copy. It is the second pair of eyes: what `pg_dump` omits shows up here.
 */

/** One object, named as PostgreSQL names it, with the properties that a correct restore brings back. */
export const inventoryObject = z.object({
  /** Such as `table`, `column`, `index`, `constraint`, `trigger`, `function`, `policy`, `grant`, `sequence`, `setting`. */
  kind: z.string(),
  /** Qualified and quoted where needed: `shop."Order"`, `shop.orders.total`; unique per kind. */
  name: z.string(),
  /** Comparable text per property (`definition`, `owner`, `acl`, `comment`, …). Absent = null. */
  properties: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type InventoryObject = z.infer<typeof inventoryObject>;

/** A relation that holds rows of its own which a backup has to hold too. */
export const dataRelation = z.object({
  /** `schema.table`, quoted where needed. */
  name: z.string(),
  schema: z.string(),
  table: z.string(),
  kind: z.enum(['table', 'partition', 'materialized view', 'sequence', 'extension table']),
  /** Stored columns in the order of their names; generated ones are not in a dump and not in here. */
  columns: z.array(z.string()),
  /** Columns that a restore computes again, in the order of their names. Absent in backups of before. */
  generated: z.array(z.object({ name: z.string(), virtual: z.boolean() })).optional(),
  /** Columns of the primary key, or of a unique not-null index; empty when there is none. */
  key: z.array(z.string()),
  /** The source could not read its rows, as a standby those of an unlogged table: the backup has none, on purpose. */
  unread: z.literal(true).optional(),
  /** Bytes on the source, indexes and TOAST included. */
  bytes: z.number(),
});
export type DataRelation = z.infer<typeof dataRelation>;

export const serverFacts = z.object({
  /** `server_version_num`, such as 150018. */
  versionNumber: z.number(),
  version: z.string(),
  major: z.number(),
  /** The role that initdb made (OID 10): what the system owns is owned by it, and it is never granted anything. */
  superuser: z.string(),
  encoding: z.string(),
  collate: z.string(),
  ctype: z.string(),
  localeProvider: z.enum(['libc', 'icu', 'builtin']),
  icuLocale: z.string().nullable(),
  /** Every collation of libc or ICU that columns or indexes use, with the version that the source recorded. */
  collations: z.array(
    z.object({ name: z.string(), provider: z.string(), locale: z.string().nullable(), version: z.string().nullable() }),
  ),
  dataChecksums: z.boolean(),
  preloadLibraries: z.array(z.string()),
  tablespaces: z.array(z.string()),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() })),
  /** Settings of the server that change the meaning of data or of a dump. */
  settings: z.record(z.string(), z.string()),
});
export type ServerFacts = z.infer<typeof serverFacts>;

/** What this version of Socle looks at: see `asFormat`. */
export const inventoryFormat = 2;

export const inventorySchema = z.object({
  /** An older inventory looks at less: what it does not know is no difference. */
  format: z.number().default(1),
  server: serverFacts,
  database: z.string(),
  /** `pg_database_size`, bytes. */
  bytes: z.number(),
  objects: z.array(inventoryObject),
  relations: z.array(dataRelation),
  /** OIDs of large objects, as decimal text. */
  largeObjects: z.array(z.string()),
});
export type Inventory = z.infer<typeof inventorySchema>;

/** Rows of one relation, counted by SQL on a server. */
export const rowCount = z.object({ name: z.string(), rows: z.number() });
export type RowCount = z.infer<typeof rowCount>;

/** Rows of one relation, counted and hashed by SQL on a server: independent of pg_dump and of the order of rows and columns. */
export const fingerprint = rowCount.extend({
  hash: z.string(),
  /** How it was computed, see `HashForm`. Backups of before have no such word. */
  form: z.enum(['seeded', 'lanes']).default('lanes'),
  /** The same over each generated column alone, by its name; null where the server cannot compute it. */
  generated: z.record(z.string(), z.string().nullable()).optional(),
});
export type Fingerprint = z.infer<typeof fingerprint>;
