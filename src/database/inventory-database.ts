import {
  acl,
  type InventoryPart,
  notMember,
  object,
  options,
  owner,
  qualified,
  relationName,
  secret,
  sorted,
  usedTablespace,
} from './inventory-sql.ts';

const schemas: InventoryPart = () =>
  `${object('pg_namespace', 'n.oid', `'schema'`, 'quote_ident(n.nspname)', {
    owner: owner('n.nspowner'),
    acl: acl('n.nspacl', 'n', 'n.nspowner'),
  })} FROM pg_namespace n
   WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND ${notMember('pg_namespace', 'n.oid')}`;

const extensions: InventoryPart = () =>
  `${object('pg_extension', 'e.oid', `'extension'`, 'quote_ident(e.extname)', {
    version: 'e.extversion',
    schema: '(SELECT nspname FROM pg_namespace n WHERE n.oid = e.extnamespace)',
  })} FROM pg_extension e`;

/** The database itself is called `database`: a restored copy has another name. */
const database: InventoryPart = (version) =>
  `${object('pg_database', 'd.oid', `'database'`, `'database'`, {
    owner: owner('d.datdba'),
    acl: acl('d.datacl', 'd', 'd.datdba'),
    encoding: 'pg_encoding_to_char(d.encoding)',
    collate: 'd.datcollate',
    ctype: 'd.datctype',
    ...(version >= 150_000 ? { provider: 'd.datlocprovider::text' } : {}),
    ...(version >= 170_000 ? { locale: 'd.datlocale' } : version >= 150_000 ? { locale: 'd.daticulocale' } : {}),
    ...(version >= 160_000 ? { rules: 'd.daticurules' } : {}),
    connectionLimit: 'd.datconnlimit',
    template: 'd.datistemplate',
    tablespace: '(SELECT spcname FROM pg_tablespace s WHERE s.oid = d.dattablespace)',
  })} FROM pg_database d WHERE d.datname = current_database()`;

/** Settings of the database, of roles, and of roles in this database. */
const settings: InventoryPart = () =>
  `${object(
    'pg_db_role_setting',
    '0',
    `'setting'`,
    `concat_ws(' in ', CASE WHEN s.setrole <> 0 THEN 'role ' || quote_ident(pg_get_userbyid(s.setrole)) END,
       CASE WHEN s.setdatabase <> 0 THEN 'database' END) || ': ' || split_part(x, '=', 1)`,
    { value: `substr(x, strpos(x, '=') + 1)` },
  )} FROM pg_db_role_setting s, unnest(s.setconfig) x
   WHERE s.setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))`;

const roles: InventoryPart = (version, { passwords }) =>
  `${object('pg_authid', 'r.oid', `'role'`, 'quote_ident(r.rolname)', {
    superuser: 'r.rolsuper',
    inherit: 'r.rolinherit',
    createRole: 'r.rolcreaterole',
    createDatabase: 'r.rolcreatedb',
    login: 'r.rolcanlogin',
    replication: 'r.rolreplication',
    bypassRowSecurity: 'r.rolbypassrls',
    connectionLimit: 'r.rolconnlimit',
    validUntil: 'r.rolvaliduntil::text',
    ...(passwords ? { password: `coalesce(${secret('r.rolpassword')}, 'none')` } : {}),
  })} FROM ${passwords ? 'pg_authid' : 'pg_roles'} r WHERE r.rolname !~ '^pg_'
   UNION ALL
   ${object(
     'pg_auth_members',
     '0',
     `'membership'`,
     `format('%I IN %I GRANTED BY %I', pg_get_userbyid(m.member), pg_get_userbyid(m.roleid), pg_get_userbyid(m.grantor))`,
     {
       admin: 'm.admin_option',
       ...(version >= 160_000 ? { inherit: 'm.inherit_option', set: 'm.set_option' } : {}),
     },
   )} FROM pg_auth_members m WHERE pg_get_userbyid(m.member)::text !~ '^pg_'`;

const parameters: InventoryPart = (version) =>
  version < 150_000
    ? ''
    : `${object('pg_parameter_acl', 'p.oid', `'parameter'`, 'p.parname', {
        acl: `(SELECT coalesce(string_agg(x::text, ' ' ORDER BY x::text COLLATE "C"), '') FROM unnest(p.paracl) x)`,
      })} FROM pg_parameter_acl p`;

const defaultPrivileges: InventoryPart = () =>
  `${object(
    'pg_default_acl',
    'd.oid',
    `'default privileges'`,
    `format('FOR ROLE %I%s ON %s', pg_get_userbyid(d.defaclrole), (SELECT format(' IN SCHEMA %I', n.nspname) FROM pg_namespace n WHERE n.oid = d.defaclnamespace),
       CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
         WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END)`,
    { acl: `(SELECT coalesce(string_agg(x::text, ' ' ORDER BY x::text COLLATE "C"), '') FROM unnest(d.defaclacl) x)` },
  )} FROM pg_default_acl d`;

const publications: InventoryPart = (version) =>
  `${object('pg_publication', 'p.oid', `'publication'`, 'quote_ident(p.pubname)', {
    owner: owner('p.pubowner'),
    allTables: 'p.puballtables',
    operations: `concat_ws(', ', CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
       CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END)`,
    viaRoot: 'p.pubviaroot',
    ...(version >= 180_000 ? { generated: 'p.pubgencols::text' } : {}),
    ...(version >= 150_000
      ? {
          schemas: sorted(
            'pg_publication_namespace pn JOIN pg_namespace n ON n.oid = pn.pnnspid',
            'quote_ident(n.nspname)',
            'pn.pnpubid = p.oid',
          ),
        }
      : {}),
  })} FROM pg_publication p WHERE ${notMember('pg_publication', 'p.oid')}
   UNION ALL
   ${object(
     'pg_publication_rel',
     'r.oid',
     `'publication table'`,
     `format('%I: %s', p.pubname, ${relationName('r.prrelid')})`,
     version >= 150_000
       ? {
           columns: sorted(
             'pg_attribute a',
             'quote_ident(a.attname)',
             'a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)',
           ),
           filter: 'pg_get_expr(r.prqual, r.prrelid)',
         }
       : {},
   )} FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE ${notMember('pg_publication', 'p.oid')}`;

/** Its connection is not readable by everybody; a restored one is always disabled, and its slot is made later. */
const subscriptions: InventoryPart = (version) =>
  `${object('pg_subscription', 's.oid', `'subscription'`, 'quote_ident(s.subname)', {
    owner: owner('s.subowner'),
    publications: sorted('unnest(s.subpublications) x'),
    slot: 's.subslotname',
    synchronousCommit: 's.subsynccommit',
    binary: 's.subbinary',
    streaming: 's.substream::text',
    ...(version >= 150_000 ? { twoPhase: `s.subtwophasestate <> 'd'`, disableOnError: 's.subdisableonerr' } : {}),
    ...(version >= 160_000
      ? { origin: 's.suborigin', passwordRequired: 's.subpasswordrequired', runAsOwner: 's.subrunasowner' }
      : {}),
    ...(version >= 170_000 ? { failover: 's.subfailover' } : {}),
  })} FROM pg_subscription s WHERE s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())`;

/** Those that the database uses. A place in the file system is a fact of the machine. */
const tablespaces: InventoryPart = () =>
  `${object('pg_tablespace', 's.oid', `'tablespace'`, 'quote_ident(s.spcname)', {
    owner: owner('s.spcowner'),
    acl: acl('s.spcacl', 't', 's.spcowner'),
    options: options('s.spcoptions'),
  })} FROM pg_tablespace s WHERE ${usedTablespace('s')}`;

/** More large objects than this are described in groups of the same owner and rights. */
const namedLargeObjects = 10_000;

const largeObjects: InventoryPart = () =>
  `SELECT 'pg_largeobject' AS catalog, m.oid::text AS oid, 0 AS sub, 'large object' AS kind, m.oid::text AS name,
     jsonb_build_object('owner', m.owner, 'acl', m.acl) AS properties
   FROM (SELECT l.oid, ${owner('l.lomowner')} AS owner, ${acl('l.lomacl', 'L', 'l.lomowner')} AS acl FROM pg_largeobject_metadata l) m
   WHERE (SELECT count(*) FROM pg_largeobject_metadata) <= ${namedLargeObjects}
   UNION ALL
   SELECT 'pg_largeobject', '0', 0, 'large objects', format('of %s with rights %s', m.owner, m.acl),
     jsonb_build_object('count', count(*), 'oids', md5(string_agg(m.oid::text, ',' ORDER BY m.oid)))
   FROM (SELECT l.oid, ${owner('l.lomowner')} AS owner, ${acl('l.lomacl', 'L', 'l.lomowner')} AS acl FROM pg_largeobject_metadata l) m
   WHERE (SELECT count(*) FROM pg_largeobject_metadata) > ${namedLargeObjects}
   GROUP BY m.owner, m.acl`;

export const databaseParts: readonly InventoryPart[] = [
  schemas,
  extensions,
  database,
  settings,
  roles,
  parameters,
  defaultPrivileges,
  publications,
  subscriptions,
  tablespaces,
  largeObjects,
];

/**
 * Rights on objects of the system and of extensions, where they differ from what initdb and CREATE EXTENSION give:
 * `pg_dump` carries such changes.
 */
const changedRights = (
  catalog: string,
  oid: string,
  column: string,
  type: string,
  ownerColumn: string,
  name: string,
  from: string,
) =>
  `${object(catalog, oid, `'rights'`, name, { acl: acl(column, type, ownerColumn) })}
   ${from} LEFT JOIN pg_init_privs i ON i.classoid = '${catalog}'::regclass AND i.objoid = ${oid} AND i.objsubid = 0
   WHERE (${column} IS NOT NULL OR i.initprivs IS NOT NULL)
     AND ${acl(column, type, ownerColumn)} <> ${acl('i.initprivs', type, ownerColumn)}`;

const aclText = (column: string) =>
  `(SELECT coalesce(string_agg(x::text, ' ' ORDER BY x::text COLLATE "C"), '') FROM unnest(${column}) x)`;

const systemOr = (namespace: string, catalog: string, oid: string) =>
  `AND ((${namespace}.nspname IN ('pg_catalog', 'information_schema') AND ${oid} < 16384) OR NOT ${notMember(catalog, oid)})`;

const rights: InventoryPart = () =>
  [
    `${changedRights('pg_class', 'c.oid', 'c.relacl', 'r', 'c.relowner', `'relation ' || ${qualified('n', 'c.relname')}`, 'FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace')}
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f') ${systemOr('n', 'pg_class', 'c.oid')}`,
    `${changedRights('pg_class', 'c.oid', 'c.relacl', 's', 'c.relowner', `'sequence ' || ${qualified('n', 'c.relname')}`, 'FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace')}
     AND c.relkind = 'S' ${systemOr('n', 'pg_class', 'c.oid')}`,
    `${object('pg_class', 'c.oid', `'rights'`, `format('column %I.%I.%I', n.nspname, c.relname, a.attname)`, { acl: aclText('a.attacl') }, 'a.attnum')}
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
       LEFT JOIN pg_init_privs i ON i.classoid = 'pg_class'::regclass AND i.objoid = c.oid AND i.objsubid = a.attnum
     WHERE (a.attacl IS NOT NULL OR i.initprivs IS NOT NULL) AND ${aclText('a.attacl')} <> ${aclText('i.initprivs')}
       ${systemOr('n', 'pg_class', 'c.oid')}`,
    `${changedRights('pg_proc', 'p.oid', 'p.proacl', 'f', 'p.proowner', `format('function %I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes))`, 'FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace')}
     ${systemOr('n', 'pg_proc', 'p.oid')}`,
    `${changedRights('pg_type', 't.oid', 't.typacl', 'T', 't.typowner', `'type ' || ${qualified('n', 't.typname')}`, 'FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace')}
     AND t.typrelid = 0 ${systemOr('n', 'pg_type', 't.oid')}`,
    `${changedRights('pg_namespace', 'n.oid', 'n.nspacl', 'n', 'n.nspowner', `'schema ' || quote_ident(n.nspname)`, 'FROM pg_namespace n')}
     ${systemOr('n', 'pg_namespace', 'n.oid')}`,
    `${changedRights('pg_language', 'l.oid', 'l.lanacl', 'l', 'l.lanowner', `'language ' || quote_ident(l.lanname)`, 'FROM pg_language l')}
     AND (l.oid < 16384 OR NOT ${notMember('pg_language', 'l.oid')})`,
    `${changedRights('pg_foreign_data_wrapper', 'f.oid', 'f.fdwacl', 'F', 'f.fdwowner', `'foreign data wrapper ' || quote_ident(f.fdwname)`, 'FROM pg_foreign_data_wrapper f')}
     AND NOT ${notMember('pg_foreign_data_wrapper', 'f.oid')}`,
  ].join(' UNION ALL ');

export const rightsParts: readonly InventoryPart[] = [rights];
