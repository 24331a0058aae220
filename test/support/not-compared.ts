/** Columns of catalogs of which a change alone is not named, by the reason. Rows are those of `catalog-walk.ts`; `none`: the sample has no such row. */
const reasons = {
  id: 'an OID: the name of a row inside one server',
  phys: 'physical, or a summary of other rows that are compared',
  kind: 'rows of this kind have no such property, or take it from the object that they belong to',
  dump: 'no dump carries it',
  server: 'of the machine or the running server, not of the database',
  other:
    'compared in another way: by its effect in a definition, a list or a property; the direct change alone has no effect, or the server refuses it',
  option: 'compared where the backup keeps it (`role_passwords`), see not-compared.test.ts',
} as const;

interface NotCompared {
  readonly catalog: string;
  readonly rows: string;
  readonly columns: string;
}

export const notCompared: Readonly<Record<keyof typeof reasons, readonly NotCompared[]>> = {
  id: [
    { catalog: 'pg_amop', rows: '', columns: 'oid' },
    { catalog: 'pg_amproc', rows: '', columns: 'oid' },
    { catalog: 'pg_attrdef', rows: '', columns: 'oid' },
    { catalog: 'pg_class', rows: 'S', columns: 'oid' },
    { catalog: 'pg_class', rows: 'i', columns: 'oid' },
    { catalog: 'pg_class', rows: 'r', columns: 'oid' },
    { catalog: 'pg_class', rows: 't', columns: 'oid' },
    { catalog: 'pg_constraint', rows: 'c', columns: 'oid' },
    { catalog: 'pg_constraint', rows: 'f of a partition', columns: 'oid' },
    { catalog: 'pg_constraint', rows: 'p of a partition', columns: 'oid' },
    { catalog: 'pg_constraint', rows: 't', columns: 'oid' },
    { catalog: 'pg_constraint', rows: 'u', columns: 'oid' },
    { catalog: 'pg_constraint', rows: 'x', columns: 'oid' },
    { catalog: 'pg_conversion', rows: '', columns: 'oid' },
    { catalog: 'pg_database', rows: '', columns: 'oid' },
    { catalog: 'pg_default_acl', rows: '', columns: 'oid' },
    { catalog: 'pg_enum', rows: '', columns: 'oid' },
    { catalog: 'pg_event_trigger', rows: '', columns: 'oid' },
    { catalog: 'pg_foreign_data_wrapper', rows: '', columns: 'oid' },
    { catalog: 'pg_opclass', rows: '', columns: 'oid' },
    { catalog: 'pg_parameter_acl', rows: '', columns: 'oid' },
    { catalog: 'pg_publication_namespace', rows: '', columns: 'oid' },
    { catalog: 'pg_publication_rel', rows: '', columns: 'oid' },
    { catalog: 'pg_rewrite', rows: 'of a view', columns: 'oid' },
    { catalog: 'pg_statistic_ext', rows: '', columns: 'oid' },
    { catalog: 'pg_subscription', rows: '', columns: 'oid' },
    { catalog: 'pg_transform', rows: '', columns: 'oid' },
    { catalog: 'pg_trigger', rows: 'internal', columns: 'oid' },
    { catalog: 'pg_trigger', rows: 'of a user', columns: 'oid' },
    { catalog: 'pg_ts_parser', rows: '', columns: 'oid' },
    { catalog: 'pg_ts_template', rows: '', columns: 'oid' },
    { catalog: 'pg_type', rows: 'b', columns: 'oid' },
    { catalog: 'pg_user_mapping', rows: '', columns: 'oid' },
    { catalog: 'pg_auth_members', rows: '', columns: 'oid' },
    { catalog: 'pg_constraint', rows: 'n', columns: 'oid' },
    { catalog: 'pg_constraint', rows: 'n of a domain', columns: 'oid' },
  ],
  phys: [
    {
      catalog: 'pg_attribute',
      rows: 'I',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'S',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'c',
      columns: 'attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'f',
      columns: 'attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'i',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'm',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'p',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'r',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'system',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 't',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_attribute',
      rows: 'v',
      columns: 'attrelid attlen attnum attcacheoff attbyval attalign atthasdef atthasmissing attmissingval',
    },
    {
      catalog: 'pg_class',
      rows: 'I',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 'S',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 'c',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 'f',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 'i',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 'm',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 'p',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 'r',
      columns:
        'relfilenode relpages reltuples relallvisible relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 't',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    {
      catalog: 'pg_class',
      rows: 'v',
      columns:
        'relfilenode relpages reltuples relallvisible reltoastrelid relhasindex relisshared relnatts relchecks relhasrules relhastriggers relhassubclass relrewrite relfrozenxid relminmxid relallfrozen',
    },
    { catalog: 'pg_database', rows: '', columns: 'datfrozenxid datminmxid' },
    { catalog: 'pg_index', rows: 'I', columns: 'indnatts indcheckxmin indislive' },
    { catalog: 'pg_index', rows: 'i', columns: 'indexrelid indnatts indcheckxmin indislive' },
  ],
  kind: [
    {
      catalog: 'pg_attribute',
      rows: 'I',
      columns:
        'attname atttypid attndims atttypmod attstorage attcompression attnotnull attidentity attgenerated attisdropped attislocal attinhcount attcollation attacl attfdwoptions',
    },
    {
      catalog: 'pg_attribute',
      rows: 'S',
      columns:
        'attname atttypid attstattarget attndims atttypmod attstorage attcompression attnotnull attidentity attgenerated attisdropped attislocal attinhcount attcollation attacl attoptions attfdwoptions',
    },
    { catalog: 'pg_attribute', rows: 'c', columns: 'attndims attnotnull attgenerated attislocal' },
    {
      catalog: 'pg_attribute',
      rows: 'i',
      columns:
        'attname atttypid attndims atttypmod attstorage attcompression attnotnull attidentity attgenerated attisdropped attislocal attinhcount attcollation attacl attoptions attfdwoptions',
    },
    { catalog: 'pg_attribute', rows: 'm', columns: 'attndims attnotnull attgenerated attislocal' },
    {
      catalog: 'pg_attribute',
      rows: 'system',
      columns:
        'attname atttypid attstattarget attndims atttypmod attstorage attcompression attnotnull attidentity attgenerated attisdropped attislocal attinhcount attcollation attacl attoptions attfdwoptions',
    },
    {
      catalog: 'pg_attribute',
      rows: 't',
      columns:
        'attname atttypid attstattarget attndims atttypmod attstorage attcompression attnotnull attidentity attgenerated attisdropped attislocal attinhcount attcollation attacl attoptions attfdwoptions',
    },
    { catalog: 'pg_attribute', rows: 'v', columns: 'attndims attnotnull attislocal' },
    {
      catalog: 'pg_class',
      rows: 'I',
      columns:
        'reltype reloftype relowner relpersistence relrowsecurity relforcerowsecurity relispopulated relreplident relispartition relacl relpartbound',
    },
    {
      catalog: 'pg_class',
      rows: 'S',
      columns:
        'reltype reloftype relam reltablespace relrowsecurity relforcerowsecurity relispopulated relreplident relispartition reloptions relpartbound',
    },
    {
      catalog: 'pg_class',
      rows: 'c',
      columns:
        'reloftype relowner relam reltablespace relpersistence relrowsecurity relforcerowsecurity relispopulated relreplident relispartition relacl reloptions relpartbound',
    },
    { catalog: 'pg_class', rows: 'f', columns: 'relispopulated relispartition relpartbound' },
    {
      catalog: 'pg_class',
      rows: 'i',
      columns:
        'reltype reloftype relowner relpersistence relrowsecurity relforcerowsecurity relispopulated relreplident relispartition relacl relpartbound relname relnamespace relam reltablespace relkind reloptions',
    },
    { catalog: 'pg_class', rows: 'm', columns: 'relispartition relpartbound' },
    { catalog: 'pg_class', rows: 'p', columns: 'relispopulated' },
    { catalog: 'pg_class', rows: 'r', columns: 'relispopulated relispartition relpartbound' },
    {
      catalog: 'pg_class',
      rows: 't',
      columns:
        'relname relnamespace reltype reloftype relowner relam reltablespace relpersistence relkind relrowsecurity relforcerowsecurity relispopulated relreplident relispartition relacl relpartbound',
    },
    { catalog: 'pg_class', rows: 'v', columns: 'relispopulated relispartition relpartbound' },
    {
      catalog: 'pg_constraint',
      rows: 'c',
      columns:
        'connamespace conindid conparentid confrelid confupdtype confdeltype confmatchtype conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conperiod',
    },
    {
      catalog: 'pg_constraint',
      rows: 'c of a domain',
      columns:
        'connamespace conindid conparentid confrelid confupdtype confdeltype confmatchtype conislocal coninhcount conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conperiod',
    },
    {
      catalog: 'pg_constraint',
      rows: 'f of a partition',
      columns:
        'conname connamespace condeferrable condeferred convalidated conrelid conindid confrelid confupdtype confdeltype confmatchtype conislocal coninhcount connoinherit conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin conenforced conperiod',
    },
    {
      catalog: 'pg_constraint',
      rows: 'p',
      columns:
        'connamespace conparentid confrelid confupdtype confdeltype confmatchtype conislocal connoinherit confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin',
    },
    {
      catalog: 'pg_constraint',
      rows: 'p of a partition',
      columns:
        'connamespace conindid conparentid confrelid confupdtype confdeltype confmatchtype coninhcount connoinherit confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin',
    },
    {
      catalog: 'pg_constraint',
      rows: 't',
      columns:
        'conname connamespace contype condeferrable condeferred convalidated conrelid conindid conparentid confrelid confupdtype confdeltype confmatchtype conislocal coninhcount connoinherit conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin conenforced conperiod',
    },
    {
      catalog: 'pg_constraint',
      rows: 'u',
      columns:
        'connamespace conparentid confrelid confupdtype confdeltype confmatchtype conislocal connoinherit confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin',
    },
    {
      catalog: 'pg_constraint',
      rows: 'x',
      columns:
        'connamespace conparentid confrelid confupdtype confdeltype confmatchtype conislocal connoinherit conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin conperiod',
    },
    {
      catalog: 'pg_proc',
      rows: 'a',
      columns:
        'prolang procost prorows provariadic prosupport prosecdef proleakproof proisstrict proretset provolatile pronargs pronargdefaults prorettype proallargtypes proargdefaults protrftypes prosrc probin prosqlbody proconfig',
    },
    { catalog: 'pg_type', rows: 'b', columns: 'typisdefined typnotnull typbasetype typtypmod typndims' },
    {
      catalog: 'pg_type',
      rows: 'b array',
      columns:
        'typname typnamespace typowner typlen typbyval typtype typcategory typispreferred typisdefined typdelim typrelid typsubscript typelem typarray typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typstorage typnotnull typbasetype typtypmod typndims typcollation typdefaultbin typdefault typacl',
    },
    {
      catalog: 'pg_type',
      rows: 'c',
      columns:
        'typlen typbyval typcategory typispreferred typisdefined typdelim typsubscript typelem typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typnotnull typbasetype typtypmod typndims',
    },
    {
      catalog: 'pg_type',
      rows: 'c of a relation',
      columns:
        'typname typnamespace typowner typlen typbyval typtype typcategory typispreferred typisdefined typdelim typsubscript typelem typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typstorage typnotnull typbasetype typtypmod typndims typcollation typdefaultbin typdefault typacl',
    },
    {
      catalog: 'pg_type',
      rows: 'd',
      columns:
        'typlen typbyval typcategory typispreferred typisdefined typdelim typsubscript typelem typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typndims',
    },
    {
      catalog: 'pg_type',
      rows: 'e',
      columns:
        'typlen typbyval typcategory typispreferred typisdefined typdelim typsubscript typelem typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typnotnull typbasetype typtypmod typndims',
    },
    {
      catalog: 'pg_type',
      rows: 'm',
      columns:
        'typowner typlen typbyval typcategory typispreferred typisdefined typdelim typrelid typsubscript typelem typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typstorage typnotnull typbasetype typtypmod typndims typcollation typdefaultbin typdefault typacl',
    },
    {
      catalog: 'pg_type',
      rows: 'p',
      columns:
        'typlen typbyval typcategory typispreferred typisdefined typdelim typsubscript typelem typarray typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typstorage typnotnull typbasetype typtypmod typndims typcollation',
    },
    {
      catalog: 'pg_type',
      rows: 'r',
      columns:
        'typlen typbyval typcategory typispreferred typisdefined typdelim typsubscript typelem typinput typoutput typreceive typsend typmodin typmodout typanalyze typalign typnotnull typbasetype typtypmod typndims',
    },
    {
      catalog: 'pg_constraint',
      rows: 'n',
      columns:
        'connamespace conindid conparentid confrelid confupdtype confdeltype confmatchtype conperiod conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin',
    },
    {
      catalog: 'pg_constraint',
      rows: 'n of a domain',
      columns:
        'connamespace conrelid conindid conparentid confrelid confupdtype confdeltype confmatchtype conislocal coninhcount connoinherit conperiod conkey confkey conpfeqop conppeqop conffeqop confdelsetcols conexclop conbin',
    },
  ],
  dump: [
    { catalog: 'pg_database', rows: '', columns: 'datallowconn dathasloginevt' },
    { catalog: 'pg_extension', rows: '', columns: 'extowner extrelocatable extconfig extcondition' },
    { catalog: 'pg_replication_origin', rows: 'none', columns: 'roident roname' },
    {
      catalog: 'pg_statistic',
      rows: 'none',
      columns:
        'starelid staattnum stainherit stanullfrac stawidth stadistinct stakind1 stakind2 stakind3 stakind4 stakind5 staop1 staop2 staop3 staop4 staop5 stacoll1 stacoll2 stacoll3 stacoll4 stacoll5 stanumbers1 stanumbers2 stanumbers3 stanumbers4 stanumbers5 stavalues1 stavalues2 stavalues3 stavalues4 stavalues5',
    },
    {
      catalog: 'pg_statistic_ext_data',
      rows: 'none',
      columns: 'stxoid stxdinherit stxdndistinct stxddependencies stxdmcv stxdexpr',
    },
    { catalog: 'pg_subscription', rows: '', columns: 'subskiplsn subenabled subconninfo' },
    { catalog: 'pg_subscription_rel', rows: 'none', columns: 'srsubid srrelid srsubstate srsublsn' },
  ],
  server: [
    { catalog: 'pg_collation', rows: '', columns: 'collversion' },
    { catalog: 'pg_database', rows: '', columns: 'datcollversion' },
  ],
  other: [
    { catalog: 'pg_amop', rows: '', columns: 'amoplefttype amoprighttype amoppurpose amopmethod' },
    { catalog: 'pg_attribute', rows: 'f', columns: 'attndims atttypmod attgenerated attislocal' },
    { catalog: 'pg_attribute', rows: 'p', columns: 'attndims atttypmod attgenerated' },
    { catalog: 'pg_attribute', rows: 'r', columns: 'attndims attgenerated' },
    {
      catalog: 'pg_constraint',
      rows: 'f',
      columns:
        'connamespace conindid confupdtype confmatchtype conislocal connoinherit conpfeqop conppeqop conffeqop conexclop conbin',
    },
    { catalog: 'pg_database', rows: '', columns: 'datname datlocprovider' },
    { catalog: 'pg_depend', rows: 'none', columns: 'classid objid objsubid refclassid refobjid refobjsubid deptype' },
    { catalog: 'pg_enum', rows: '', columns: 'enumsortorder' },
    { catalog: 'pg_event_trigger', rows: '', columns: 'evtenabled' },
    { catalog: 'pg_index', rows: 'I', columns: 'indnkeyatts indisprimary indisexclusion indimmediate indexprs' },
    { catalog: 'pg_index', rows: 'i', columns: 'indnkeyatts indisprimary indisexclusion indimmediate indexprs' },
    { catalog: 'pg_inherits', rows: '', columns: 'inhseqno' },
    { catalog: 'pg_init_privs', rows: '', columns: 'privtype' },
    { catalog: 'pg_language', rows: '', columns: 'lanispl' },
    { catalog: 'pg_largeobject', rows: '', columns: 'loid pageno data' },
    { catalog: 'pg_operator', rows: '', columns: 'oprkind oprresult' },
    { catalog: 'pg_partitioned_table', rows: '', columns: 'partnatts partdefid partexprs' },
    {
      catalog: 'pg_proc',
      rows: 'f',
      columns: 'provariadic pronargs pronargdefaults proallargtypes proargdefaults protrftypes prosqlbody',
    },
    {
      catalog: 'pg_proc',
      rows: 'p',
      columns:
        'provariadic proretset pronargs pronargdefaults prorettype proallargtypes proargmodes proargnames protrftypes',
    },
    { catalog: 'pg_rewrite', rows: 'of a view', columns: 'ev_enabled ev_qual' },
    { catalog: 'pg_rewrite', rows: 'rule', columns: 'ev_enabled' },
    { catalog: 'pg_shdepend', rows: '', columns: 'dbid classid objid objsubid refclassid refobjid deptype' },
    { catalog: 'pg_statistic_ext', rows: '', columns: 'stxkind' },
    { catalog: 'pg_subscription', rows: '', columns: 'subtwophasestate subslotname substream' },
    {
      catalog: 'pg_trigger',
      rows: 'internal',
      columns:
        'tgrelid tgparentid tgname tgfoid tgtype tgconstrrelid tgconstrindid tgconstraint tgdeferrable tginitdeferred tgnargs tgattr tgargs tgqual tgoldtable tgnewtable',
    },
    {
      catalog: 'pg_trigger',
      rows: 'of a user',
      columns: 'tgparentid tgconstrindid tgattr tgargs tgoldtable tgnewtable',
    },
    { catalog: 'pg_ts_config_map', rows: '', columns: 'maptokentype' },
    { catalog: 'pg_publication', rows: '', columns: 'pubgencols' },
  ],
  option: [{ catalog: 'pg_authid', rows: '', columns: 'rolpassword' }],
};
