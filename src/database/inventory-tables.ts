import {
  acl,
  dependsOn,
  type InventoryPart,
  notMember,
  object,
  ofUser,
  options,
  owner,
  qualified,
  relationName,
  sorted,
} from './inventory-sql.ts';

const relationsOf = (kinds: string) =>
  `FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN (${kinds}) AND ${ofUser('n', 'c.oid')} AND ${notMember('pg_class', 'c.oid')}`;

const relations: InventoryPart = (version) =>
  `${object(
    'pg_class',
    'c.oid',
    `CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
       WHEN 'm' THEN 'materialized view' ELSE 'foreign table' END`,
    qualified('n', 'c.relname'),
    {
      owner: owner('c.relowner'),
      acl: acl('c.relacl', 'r', 'c.relowner'),
      persistence: `CASE c.relpersistence WHEN 'p' THEN 'permanent' ELSE 'unlogged' END`,
      options: options('c.reloptions'),
      toastOptions: `(SELECT ${options('toast.reloptions')} FROM pg_class toast WHERE toast.oid = c.reltoastrelid)`,
      rowSecurity: 'c.relrowsecurity',
      rowSecurityForced: 'c.relforcerowsecurity',
      replicaIdentity: `CASE c.relreplident WHEN 'd' THEN NULL ELSE c.relreplident::text END`,
      accessMethod: '(SELECT amname FROM pg_am WHERE pg_am.oid = c.relam)',
      tablespace: '(SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace)',
      partitionKey: `CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END`,
      ...(version >= 140_000
        ? { detaching: `(SELECT true FROM pg_inherits i WHERE i.inhrelid = c.oid AND i.inhdetachpending)` }
        : {}),
      partitionBound: `CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END`,
      parents: `(SELECT string_agg(${relationName('i.inhparent')}, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = c.oid)`,
      // An inheritance child gets the inherited columns first: a restore may change their order.
      order: `CASE WHEN c.relkind IN ('r', 'p', 'f') AND (c.relispartition OR NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid))
         THEN (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) END`,
      dependsOn: `CASE WHEN c.relkind = 'm' THEN ${dependsOn('pg_class', 'c.oid')} END`,
      ofType: `CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END`,
      definition: `CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END`,
      populated: `CASE WHEN c.relkind = 'm' THEN c.relispopulated END`,
      server: `(SELECT fs.srvname FROM pg_foreign_table ft JOIN pg_foreign_server fs ON fs.oid = ft.ftserver WHERE ft.ftrelid = c.oid)`,
      serverOptions: `(SELECT ${options('ft.ftoptions')} FROM pg_foreign_table ft WHERE ft.ftrelid = c.oid)`,
    },
  )} ${relationsOf(`'r', 'p', 'v', 'm', 'f'`)}`;

const columns: InventoryPart = (version) =>
  `${object(
    'pg_class',
    'c.oid',
    `'column'`,
    `format('%I.%I.%I', n.nspname, c.relname, a.attname)`,
    {
      type: 'format_type(a.atttypid, a.atttypmod)',
      notNull: `CASE WHEN c.relkind IN ('r', 'p', 'f') THEN a.attnotnull END`,
      default: `CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END`,
      generated: `CASE WHEN a.attgenerated <> '' THEN a.attgenerated::text || ': ' || pg_get_expr(d.adbin, d.adrelid) END`,
      identity: `CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END`,
      collation: 'CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END',
      statistics: 'CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END',
      storage: 'CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END',
      ...(version >= 140_000
        ? { compression: `CASE a.attcompression WHEN '' THEN NULL WHEN 'p' THEN 'pglz' ELSE 'lz4' END` }
        : {}),
      options: options('a.attoptions'),
      serverOptions: options('a.attfdwoptions'),
      acl: `CASE WHEN a.attacl IS NOT NULL THEN ${acl('a.attacl', 'c', 'c.relowner')} END`,
      inherited: `CASE WHEN a.attinhcount > 0 THEN CASE WHEN a.attislocal THEN 'and local' ELSE 'only' END END`,
    },
    'a.attnum',
  )} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     JOIN pg_type t ON t.oid = a.atttypid
     LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND ${ofUser('n', 'c.oid')} AND ${notMember('pg_class', 'c.oid')}
     AND ${notMember('pg_type', 'c.reltype')}`;

/** As pg_dump does, an index that never became valid is left out: it holds no promise, and does not come back. */
const indexes: InventoryPart = () =>
  `${object('pg_class', 'c.oid', `'index'`, qualified('n', 'c.relname'), {
    table: relationName('i.indrelid'),
    definition: 'pg_get_indexdef(c.oid)',
    valid: 'i.indisvalid',
    clustered: `CASE WHEN i.indisclustered THEN true END`,
    replicaIdentity: `CASE WHEN i.indisreplident THEN true END`,
    tablespace: '(SELECT spcname FROM pg_tablespace s WHERE s.oid = c.reltablespace)',
    statistics: sorted(
      'pg_attribute a',
      `a.attnum || '=' || a.attstattarget`,
      'a.attrelid = c.oid AND a.attstattarget >= 0',
    ),
    dependsOn: dependsOn('pg_class', 'c.oid'),
    partitionOf: `(SELECT ${relationName('h.inhparent')} FROM pg_inherits h WHERE h.inhrelid = c.oid)`,
  })} FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_class t ON t.oid = i.indrelid
   WHERE ${ofUser('n', 'c.oid')} AND ${notMember('pg_class', 't.oid')} AND t.relkind IN ('r', 'p', 'm')
     AND i.indisready AND (i.indisvalid OR t.relkind = 'p')`;

/** Foreign keys that partitions inherit are left out: they have no life of their own, and names that the server makes up. */
const constraints: InventoryPart = () =>
  `${object('pg_constraint', 'k.oid', `'constraint'`, `format('%I.%I.%I', n.nspname, c.relname, k.conname)`, {
    definition: 'pg_get_constraintdef(k.oid)',
    validated: 'k.convalidated',
    // ALTER TABLE … DISABLE TRIGGER ALL reaches the triggers of foreign keys too, and then nothing holds them.
    enforced: `(SELECT string_agg(DISTINCT CASE g.tgenabled WHEN 'D' THEN 'never' WHEN 'R' THEN 'on replicas' WHEN 'A' THEN 'always' ELSE 'yes' END, ', ')
        FROM pg_trigger g WHERE g.tgconstraint = k.oid AND g.tgisinternal AND k.contype = 'f')`,
    inherited: `CASE WHEN k.coninhcount > 0 THEN CASE WHEN k.conislocal THEN 'and local' ELSE 'only' END END`,
  })} FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE ${ofUser('n', 'c.oid')} AND ${notMember('pg_class', 'c.oid')} AND k.contype <> 't'
     AND NOT (k.contype = 'f' AND k.conparentid <> 0)
   UNION ALL
   ${object('pg_constraint', 'k.oid', `'domain constraint'`, `format('%I.%I.%I', n.nspname, t.typname, k.conname)`, {
     definition: 'pg_get_constraintdef(k.oid)',
     validated: 'k.convalidated',
   })} FROM pg_constraint k JOIN pg_type t ON t.oid = k.contypid JOIN pg_namespace n ON n.oid = t.typnamespace
   WHERE ${ofUser('n', 't.oid')} AND ${notMember('pg_type', 't.oid')}`;

const sequences: InventoryPart = () =>
  `${object('pg_class', 'c.oid', `'sequence'`, qualified('n', 'c.relname'), {
    owner: owner('c.relowner'),
    acl: acl('c.relacl', 's', 'c.relowner'),
    persistence: `CASE c.relpersistence WHEN 'p' THEN 'permanent' ELSE 'unlogged' END`,
    type: 's.seqtypid::regtype::text',
    // Text: a bound of a bigint sequence does not fit a double.
    start: 's.seqstart::text',
    increment: 's.seqincrement::text',
    minimum: 's.seqmin::text',
    maximum: 's.seqmax::text',
    cache: 's.seqcache::text',
    cycle: 's.seqcycle',
    ownedBy: `(SELECT format('%I.%I.%I', dn.nspname, dc.relname, da.attname) FROM pg_depend d
        JOIN pg_class dc ON dc.oid = d.refobjid JOIN pg_namespace dn ON dn.oid = dc.relnamespace
        JOIN pg_attribute da ON da.attrelid = dc.oid AND da.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
        AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))`,
  })} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
   WHERE ${ofUser('n', 'c.oid')} AND ${notMember('pg_class', 'c.oid')}`;

const statistics: InventoryPart = () =>
  `${object('pg_statistic_ext', 's.oid', `'statistics'`, qualified('n', 's.stxname'), {
    definition: 'pg_get_statisticsobjdef(s.oid)',
    owner: owner('s.stxowner'),
    target: 'CASE WHEN s.stxstattarget >= 0 THEN s.stxstattarget END',
  })} FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
   WHERE ${ofUser('n', 's.oid')} AND ${notMember('pg_statistic_ext', 's.oid')}`;

export const tableParts: readonly InventoryPart[] = [relations, columns, indexes, constraints, sequences, statistics];
