import {
  acl,
  firstUserOid,
  type InventoryPart,
  notMember,
  object,
  ofUser,
  owner,
  qualified,
  sorted,
} from './inventory-sql.ts';

const regproc = (column: string) => `CASE WHEN ${column} <> 0 THEN ${column}::regprocedure::text END`;

/** Array types, row types of tables and multiranges are left out: they come and go with what they belong to. */
const types: InventoryPart = (version) =>
  `${object(
    'pg_type',
    't.oid',
    `CASE WHEN t.typtype = 'd' THEN 'domain' ELSE 'type' END`,
    qualified('n', 't.typname'),
    {
      owner: owner('t.typowner'),
      acl: acl('t.typacl', 'T', 't.typowner'),
      form: `CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'c' THEN 'composite' WHEN 'r' THEN 'range'
         WHEN 'b' THEN 'base' ELSE 'shell' END`,
      labels: `(SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)`,
      attributes: `(SELECT string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> at.typcollation THEN ' COLLATE ' || a.attcollation::regcollation END), ', ' ORDER BY a.attnum)
         FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid
         WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)`,
      base: `CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END`,
      notNull: `CASE WHEN t.typtype = 'd' THEN t.typnotnull END`,
      default: `CASE WHEN t.typdefaultbin IS NULL THEN t.typdefault ELSE pg_get_expr(t.typdefaultbin, 0) END`,
      collation: `CASE WHEN t.typtype = 'd' AND t.typcollation <> (SELECT b.typcollation FROM pg_type b WHERE b.oid = t.typbasetype)
         THEN t.typcollation::regcollation::text END`,
      range: `(SELECT concat_ws(', ', format_type(r.rngsubtype, NULL), nullif(r.rngcollation, 0)::regcollation,
           (SELECT format('%I.%I', ocn.nspname, oc.opcname) FROM pg_opclass oc JOIN pg_namespace ocn ON ocn.oid = oc.opcnamespace WHERE oc.oid = r.rngsubopc),
           nullif(r.rngcanonical, 0)::regprocedure, nullif(r.rngsubdiff, 0)::regprocedure) FROM pg_range r WHERE r.rngtypid = t.oid)`,
      ...(version >= 140_000
        ? { multirange: '(SELECT r.rngmultitypid::regtype::text FROM pg_range r WHERE r.rngtypid = t.oid)' }
        : {}),
      ...(version >= 140_000
        ? { subscript: `CASE WHEN t.typtype = 'b' THEN nullif(t.typsubscript, 0)::regproc::text END` }
        : {}),
      input: `CASE WHEN t.typtype = 'b' THEN concat_ws(', ', t.typinput::regproc, t.typoutput::regproc, nullif(t.typreceive, 0)::regproc,
           nullif(t.typsend, 0)::regproc, nullif(t.typmodin, 0)::regproc, nullif(t.typmodout, 0)::regproc, nullif(t.typanalyze, 0)::regproc) END`,
      layout: `CASE WHEN t.typtype = 'b' THEN concat_ws(' ', t.typlen, t.typbyval, t.typalign, t.typstorage, t.typcategory,
           t.typispreferred, t.typdelim, nullif(t.typelem, 0)::regtype, t.typcollation <> 0) END`,
    },
  )} FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
   WHERE ${ofUser('n', 't.oid')} AND ${notMember('pg_type', 't.oid')} AND t.typtype <> 'm'
     AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
     AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)`;

/**
 * Without those that only another operator names: the commutator that is not there yet is a shell without a function,
 * which pg_dump leaves out, and which comes back with the operator that names it.
 */
const operators: InventoryPart = () =>
  `${object('pg_operator', 'o.oid', `'operator'`, 'o.oid::regoperator::text', {
    owner: owner('o.oprowner'),
    function: regproc('o.oprcode'),
    commutator: `CASE WHEN o.oprcom <> 0 THEN o.oprcom::regoperator::text END`,
    negator: `CASE WHEN o.oprnegate <> 0 THEN o.oprnegate::regoperator::text END`,
    restrict: regproc('o.oprrest'),
    join: regproc('o.oprjoin'),
    flags: `concat_ws(' ', CASE WHEN o.oprcanmerge THEN 'merges' END, CASE WHEN o.oprcanhash THEN 'hashes' END)`,
  })} FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace
   WHERE o.oprcode <> 0 AND ${ofUser('n', 'o.oid')} AND ${notMember('pg_operator', 'o.oid')}`;

const operatorClasses: InventoryPart = () =>
  `${object('pg_opclass', 'c.oid', `'operator class'`, `format('%I.%I USING %I', n.nspname, c.opcname, a.amname)`, {
    owner: owner('c.opcowner'),
    family: `(SELECT format('%I.%I', fn.nspname, f.opfname) FROM pg_opfamily f JOIN pg_namespace fn ON fn.oid = f.opfnamespace WHERE f.oid = c.opcfamily)`,
    type: 'c.opcintype::regtype::text',
    default: 'c.opcdefault',
    storage: 'CASE WHEN c.opckeytype <> 0 THEN c.opckeytype::regtype::text END',
  })} FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace JOIN pg_am a ON a.oid = c.opcmethod
   WHERE ${ofUser('n', 'c.oid')} AND ${notMember('pg_opclass', 'c.oid')}
   UNION ALL
   ${object('pg_opfamily', 'f.oid', `'operator family'`, `format('%I.%I USING %I', n.nspname, f.opfname, a.amname)`, {
     owner: owner('f.opfowner'),
     operators: sorted(
       'pg_amop o',
       `format('%s %s%s', o.amopstrategy, o.amopopr::regoperator,
           (SELECT format(' FOR ORDER BY %I', sf.opfname) FROM pg_opfamily sf WHERE sf.oid = o.amopsortfamily))`,
       'o.amopfamily = f.oid',
     ),
     functions: sorted(
       'pg_amproc p',
       `format('%s (%s, %s) %s', p.amprocnum, p.amproclefttype::regtype, p.amprocrighttype::regtype, p.amproc::regprocedure)`,
       'p.amprocfamily = f.oid',
     ),
   })} FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace JOIN pg_am a ON a.oid = f.opfmethod
   WHERE ${ofUser('n', 'f.oid')} AND ${notMember('pg_opfamily', 'f.oid')}`;

const casts: InventoryPart = () =>
  `${object('pg_cast', 'c.oid', `'cast'`, `format('%s AS %s', c.castsource::regtype, c.casttarget::regtype)`, {
    function: regproc('c.castfunc'),
    context: 'c.castcontext::text',
    method: 'c.castmethod::text',
  })} FROM pg_cast c WHERE c.oid >= ${firstUserOid} AND ${notMember('pg_cast', 'c.oid')}
     ${/* From a range to its multirange: comes with the type. */ ''}
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')
   UNION ALL
   ${object('pg_conversion', 'c.oid', `'conversion'`, qualified('n', 'c.conname'), {
     owner: owner('c.conowner'),
     from: 'pg_encoding_to_char(c.conforencoding)',
     to: 'pg_encoding_to_char(c.contoencoding)',
     function: regproc('c.conproc'),
     default: 'c.condefault',
   })} FROM pg_conversion c JOIN pg_namespace n ON n.oid = c.connamespace
   WHERE ${ofUser('n', 'c.oid')} AND ${notMember('pg_conversion', 'c.oid')}`;

/** The version that a collation recorded is a fact of the machine: `server.collations` has it. */
const collations: InventoryPart = (version) =>
  `${object('pg_collation', 'c.oid', `'collation'`, qualified('n', 'c.collname'), {
    owner: owner('c.collowner'),
    provider: 'c.collprovider::text',
    encoding: 'pg_encoding_to_char(c.collencoding)',
    collate: 'c.collcollate',
    ctype: 'c.collctype',
    deterministic: 'c.collisdeterministic',
    ...(version >= 170_000 ? { locale: 'c.colllocale' } : version >= 150_000 ? { locale: 'c.colliculocale' } : {}),
    ...(version >= 160_000 ? { rules: 'c.collicurules' } : {}),
  })} FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
   WHERE ${ofUser('n', 'c.oid')} AND c.oid >= ${firstUserOid} AND ${notMember('pg_collation', 'c.oid')}`;

export const typeParts: readonly InventoryPart[] = [types, operators, operatorClasses, casts, collations];
