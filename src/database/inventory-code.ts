import {
  acl,
  dependsOn,
  firstUserOid,
  type InventoryPart,
  notMember,
  object,
  ofUser,
  options,
  owner,
  qualified,
  secret,
  sorted,
} from './inventory-sql.ts';

const enabled = (column: string) =>
  `CASE ${column} WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'replica' ELSE 'always' END`;

const functions: InventoryPart = () =>
  `${object(
    'pg_proc',
    'p.oid',
    `CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END`,
    'p.oid::regprocedure::text',
    {
      definition: 'pg_get_functiondef(p.oid)',
      dependsOn: dependsOn('pg_proc', 'p.oid'),
      owner: owner('p.proowner'),
      acl: acl('p.proacl', 'f', 'p.proowner'),
    },
  )} FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE p.prokind <> 'a' AND ${ofUser('n', 'p.oid')} AND ${notMember('pg_proc', 'p.oid')}
     ${/* The constructors of a range type come and go with the type. */ ''}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')`;

const regproc = (column: string) => `CASE WHEN ${column} <> 0 THEN ${column}::regprocedure::text END`;

const aggregates: InventoryPart = () =>
  `${object('pg_proc', 'p.oid', `'aggregate'`, 'p.oid::regprocedure::text', {
    arguments: 'pg_get_function_arguments(p.oid)',
    owner: owner('p.proowner'),
    acl: acl('p.proacl', 'f', 'p.proowner'),
    kind: `a.aggkind::text || a.aggnumdirectargs`,
    transition: regproc('a.aggtransfn'),
    state: 'format_type(a.aggtranstype, NULL)',
    stateSpace: 'a.aggtransspace',
    initial: 'a.agginitval',
    final: regproc('a.aggfinalfn'),
    finalOptions: `a.aggfinalextra || ' ' || a.aggfinalmodify::text`,
    combine: regproc('a.aggcombinefn'),
    serial: regproc('a.aggserialfn'),
    deserial: regproc('a.aggdeserialfn'),
    movingTransition: regproc('a.aggmtransfn'),
    movingInverse: regproc('a.aggminvtransfn'),
    movingFinal: regproc('a.aggmfinalfn'),
    movingOptions: `a.aggmfinalextra || ' ' || a.aggmfinalmodify::text`,
    movingState: `CASE WHEN a.aggmtranstype <> 0 THEN format_type(a.aggmtranstype, NULL) END`,
    movingSpace: 'a.aggmtransspace',
    movingInitial: 'a.aggminitval',
    sort: `CASE WHEN a.aggsortop <> 0 THEN a.aggsortop::regoperator::text END`,
    parallel: 'p.proparallel::text',
  })} FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE ${ofUser('n', 'p.oid')} AND ${notMember('pg_proc', 'p.oid')}`;

const onTable = 'FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace';

const triggers: InventoryPart = () =>
  `${object('pg_trigger', 't.oid', `'trigger'`, `format('%I.%I.%I', n.nspname, c.relname, t.tgname)`, {
    definition: 'pg_get_triggerdef(t.oid)',
    enabled: enabled('t.tgenabled'),
    dependsOn: dependsOn('pg_trigger', 't.oid'),
  })} ${onTable} JOIN pg_trigger t ON t.tgrelid = c.oid
   WHERE NOT t.tgisinternal AND ${ofUser('n', 'c.oid')} AND ${notMember('pg_class', 'c.oid')}
     AND ${notMember('pg_trigger', 't.oid')}`;

const rules: InventoryPart = () =>
  `${object('pg_rewrite', 'r.oid', `'rule'`, `format('%I.%I.%I', n.nspname, c.relname, r.rulename)`, {
    definition: 'pg_get_ruledef(r.oid)',
    enabled: enabled('r.ev_enabled'),
  })} ${onTable} JOIN pg_rewrite r ON r.ev_class = c.oid
   WHERE r.rulename <> '_RETURN' AND ${ofUser('n', 'c.oid')} AND ${notMember('pg_class', 'c.oid')}`;

const policies: InventoryPart = () =>
  `${object('pg_policy', 'p.oid', `'policy'`, `format('%I.%I.%I', n.nspname, c.relname, p.polname)`, {
    command: 'p.polcmd::text',
    permissive: 'p.polpermissive',
    roles: sorted('unnest(p.polroles) x', `CASE WHEN x = 0 THEN 'public' ELSE pg_get_userbyid(x) END`),
    using: 'pg_get_expr(p.polqual, p.polrelid)',
    check: 'pg_get_expr(p.polwithcheck, p.polrelid)',
  })} ${onTable} JOIN pg_policy p ON p.polrelid = c.oid WHERE ${ofUser('n', 'c.oid')}`;

const eventTriggers: InventoryPart = () =>
  `${object('pg_event_trigger', 'e.oid', `'event trigger'`, 'quote_ident(e.evtname)', {
    event: 'e.evtevent',
    function: 'e.evtfoid::regprocedure::text',
    enabled: enabled('e.evtenabled'),
    tags: sorted('unnest(e.evttags) x'),
    owner: owner('e.evtowner'),
  })} FROM pg_event_trigger e WHERE ${notMember('pg_event_trigger', 'e.oid')}`;

const languages: InventoryPart = () =>
  `${object('pg_language', 'l.oid', `'language'`, 'quote_ident(l.lanname)', {
    owner: owner('l.lanowner'),
    acl: acl('l.lanacl', 'l', 'l.lanowner'),
    trusted: 'l.lanpltrusted',
    handler: regproc('l.lanplcallfoid'),
    inline: regproc('l.laninline'),
    validator: regproc('l.lanvalidator'),
  })} FROM pg_language l WHERE l.oid >= ${firstUserOid} AND ${notMember('pg_language', 'l.oid')}
   UNION ALL
   ${object('pg_transform', 't.oid', `'transform'`, `format('FOR %s LANGUAGE %I', t.trftype::regtype, l.lanname)`, {
     from: regproc('t.trffromsql'),
     to: regproc('t.trftosql'),
   })} FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang WHERE ${notMember('pg_transform', 't.oid')}`;

const textSearch: InventoryPart = () => {
  const where = (oid: string, catalog: string) => `WHERE ${ofUser('n', oid)} AND ${notMember(catalog, oid)}`;
  return `${object('pg_ts_config', 'o.oid', `'text search configuration'`, qualified('n', 'o.cfgname'), {
    owner: owner('o.cfgowner'),
    parser: `(SELECT format('%I.%I', pn.nspname, p.prsname) FROM pg_ts_parser p JOIN pg_namespace pn ON pn.oid = p.prsnamespace WHERE p.oid = o.cfgparser)`,
    mappings: `(SELECT string_agg(format('%s:%s=%I.%I', (SELECT tt.alias FROM ts_token_type(o.cfgparser) tt WHERE tt.tokid = m.maptokentype), m.mapseqno, dn.nspname, d.dictname), ', ' ORDER BY m.maptokentype, m.mapseqno)
        FROM pg_ts_config_map m JOIN pg_ts_dict d ON d.oid = m.mapdict JOIN pg_namespace dn ON dn.oid = d.dictnamespace WHERE m.mapcfg = o.oid)`,
  })} FROM pg_ts_config o JOIN pg_namespace n ON n.oid = o.cfgnamespace ${where('o.oid', 'pg_ts_config')}
   UNION ALL
   ${object('pg_ts_dict', 'o.oid', `'text search dictionary'`, qualified('n', 'o.dictname'), {
     owner: owner('o.dictowner'),
     template: `(SELECT format('%I.%I', tn.nspname, t.tmplname) FROM pg_ts_template t JOIN pg_namespace tn ON tn.oid = t.tmplnamespace WHERE t.oid = o.dicttemplate)`,
     options: 'o.dictinitoption',
   })} FROM pg_ts_dict o JOIN pg_namespace n ON n.oid = o.dictnamespace ${where('o.oid', 'pg_ts_dict')}
   UNION ALL
   ${object('pg_ts_parser', 'o.oid', `'text search parser'`, qualified('n', 'o.prsname'), {
     functions: `concat_ws(', ', o.prsstart::regproc, o.prstoken::regproc, o.prsend::regproc, o.prsheadline::regproc, o.prslextype::regproc)`,
   })} FROM pg_ts_parser o JOIN pg_namespace n ON n.oid = o.prsnamespace ${where('o.oid', 'pg_ts_parser')}
   UNION ALL
   ${object('pg_ts_template', 'o.oid', `'text search template'`, qualified('n', 'o.tmplname'), {
     functions: `concat_ws(', ', o.tmplinit::regproc, o.tmpllexize::regproc)`,
   })} FROM pg_ts_template o JOIN pg_namespace n ON n.oid = o.tmplnamespace ${where('o.oid', 'pg_ts_template')}`;
};

const accessMethods: InventoryPart = () =>
  `${object('pg_am', 'a.oid', `'access method'`, 'quote_ident(a.amname)', {
    type: 'a.amtype::text',
    handler: regproc('a.amhandler'),
  })} FROM pg_am a WHERE a.oid >= ${firstUserOid} AND ${notMember('pg_am', 'a.oid')}`;

const foreign: InventoryPart = () =>
  `${object('pg_foreign_data_wrapper', 'f.oid', `'foreign data wrapper'`, 'quote_ident(f.fdwname)', {
    owner: owner('f.fdwowner'),
    acl: acl('f.fdwacl', 'F', 'f.fdwowner'),
    handler: regproc('f.fdwhandler'),
    validator: regproc('f.fdwvalidator'),
    options: options('f.fdwoptions'),
  })} FROM pg_foreign_data_wrapper f WHERE ${notMember('pg_foreign_data_wrapper', 'f.oid')}
   UNION ALL
   ${object('pg_foreign_server', 's.oid', `'server'`, 'quote_ident(s.srvname)', {
     owner: owner('s.srvowner'),
     acl: acl('s.srvacl', 'S', 's.srvowner'),
     wrapper: '(SELECT fdwname FROM pg_foreign_data_wrapper w WHERE w.oid = s.srvfdw)',
     type: 's.srvtype',
     version: 's.srvversion',
     options: options('s.srvoptions'),
   })} FROM pg_foreign_server s WHERE ${notMember('pg_foreign_server', 's.oid')}
   UNION ALL
   ${object(
     'pg_user_mapping',
     'u.umid',
     `'user mapping'`,
     `format('%s SERVER %I', CASE WHEN u.umuser = 0 THEN 'PUBLIC' ELSE quote_ident(u.usename) END, u.srvname)`,
     // The values are passwords: they are compared, and never kept.
     {
       options: sorted('unnest(u.umoptions) x', `split_part(x, '=', 1) || '=' || ${secret('x')}`),
     },
   )} FROM pg_user_mappings u`;

export const codeParts: readonly InventoryPart[] = [
  functions,
  aggregates,
  triggers,
  rules,
  policies,
  eventTriggers,
  languages,
  textSearch,
  accessMethods,
  foreign,
];
