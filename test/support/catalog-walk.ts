import type pg from 'pg';
import { takeInventory } from '../../src/database/inventory.ts';
import type { Inventory } from '../../src/database/inventory-schema.ts';
import { compareObjects } from '../../src/drill/proof/compare-inventory.ts';
import { until } from './until.ts';

/** One column of one catalog, for one class of rows: `pg_class.relam` of tables is not that of indexes. */
export interface CatalogColumn {
  readonly catalog: string;
  readonly column: string;
  readonly type: string;
  /** Such as `r` for tables; empty where a catalog has one class of rows. */
  readonly rows: string;
}

export interface WalkResult extends CatalogColumn {
  /** `named`: the comparison names a change of it; `blind`: it does not; `refused`: no value could be changed or read. */
  readonly outcome: 'named' | 'blind' | 'refused';
  /** What the comparison said, or the server. */
  readonly detail: string;
}

/** Rows of a catalog told apart by what they describe. */
const classes: Readonly<Record<string, string>> = {
  pg_class: 'relkind::text',
  pg_attribute: `CASE WHEN attnum < 0 THEN 'system' ELSE (SELECT relkind::text FROM pg_class WHERE oid = attrelid) END`,
  pg_type: `typtype::text || CASE WHEN typarray = 0 AND typelem <> 0 THEN ' array' WHEN typrelid <> 0 AND (SELECT relkind FROM pg_class c WHERE c.oid = typrelid) <> 'c' THEN ' of a relation' ELSE '' END`,
  pg_proc: 'prokind::text',
  pg_constraint: `contype::text || CASE WHEN contypid <> 0 THEN ' of a domain' WHEN conparentid <> 0 THEN ' of a partition' ELSE '' END`,
  pg_index: '(SELECT relkind::text FROM pg_class WHERE oid = indexrelid)',
  pg_trigger: `CASE WHEN tgisinternal THEN 'internal' ELSE 'of a user' END`,
  pg_rewrite: `CASE WHEN rulename = '_RETURN' THEN 'of a view' ELSE 'rule' END`,
};

interface Catalog {
  readonly name: string;
  readonly key: string;
  readonly columns: readonly { name: string; type: string; refers: string | null }[];
}

async function catalogs(client: pg.Client): Promise<Catalog[]> {
  const { rows } = await client.query<Catalog>(
    `SELECT c.relname AS name,
       (SELECT k.attname FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attnum > 0 AND k.atttypid IN ('oid'::regtype, 'regproc'::regtype)
          ORDER BY k.attname <> 'oid', k.attnum LIMIT 1) AS key,
       jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, NULL), 'refers',
         (SELECT f.pktable::regclass::text FROM pg_get_catalog_foreign_keys() f WHERE f.fktable = c.oid AND f.fkcols = ARRAY[a.attname::text])) ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relkind = 'r' AND c.relnamespace = 'pg_catalog'::regnamespace GROUP BY c.oid, c.relname ORDER BY c.relname`,
  );
  return rows;
}

/** Catalogs whose rows are not known by an OID of a user's object. */
const every = new Set(['pg_largeobject_metadata', 'pg_largeobject', 'pg_init_privs']);

/** Rows that a user made, of no extension. */
const made = ({ name, key }: Catalog) =>
  every.has(name)
    ? 'true'
    : `(t.${key}::oid >= 16384${name === 'pg_database' ? ' AND t.datname = current_database()' : ''}) AND NOT EXISTS (SELECT FROM pg_depend md
     WHERE md.objid = t.${name === 'pg_amop' || name === 'pg_amproc' ? `${key.replace(/^oid$/, `${name.slice(3)}family`)}` : key}::oid AND md.deptype = 'e')`;

/** SQL of other values that the column could have, as expressions over the row. */
async function otherValues(
  client: pg.Client,
  catalog: Catalog,
  { name, type, refers }: Catalog['columns'][number],
): Promise<string[]> {
  const q = `t.${name}`;
  const seen = async () => {
    const { rows } = await client.query<{ v: string }>(
      `SELECT DISTINCT t.${name}::text AS v FROM ${catalog.name} t WHERE t.${name} IS NOT NULL LIMIT 4`,
    );
    return rows.map(({ v }) => v);
  };
  const literal = (text: string) => `'${text.replaceAll("'", "''")}'::${type}`;
  switch (type) {
    case 'boolean':
      return [`NOT ${q}`];
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'real':
    case 'double precision':
      return [`coalesce(${q}, 0) + 1`];
    case 'name':
      return [`(${q} || 'x')::name`];
    case 'text':
      return [`coalesce(${q}, '') || 'x'`];
    case '"char"': {
      return (await seen()).map(literal);
    }
    case 'oid':
    case 'regproc': {
      const others = await seen();
      if (refers !== null) {
        const { rows } = await client.query<{ v: string }>(
          `(SELECT oid::text AS v FROM ${refers} WHERE oid >= 16384 LIMIT 2) UNION ALL (SELECT oid::text FROM ${refers} WHERE oid < 16384 LIMIT 1)`,
        );
        others.push(...rows.map(({ v }) => v));
      }
      return [...others.map((v) => `${v.includes('(') || /\D/.test(v) ? literal(v) : `${v}::oid::${type}`}`), '0'];
    }
    case 'oidvector':
    case 'int2vector':
      return [...(await seen()).map(literal), `(${q}::text || ' 23')::${type}`];
    case 'aclitem[]':
      return [
        `array_append(coalesce(${q}, '{}'), makeaclitem('kind_other'::regrole, 10, 'SELECT', false))`,
        `array_append(coalesce(${q}, '{}'), makeaclitem('kind_other'::regrole, 10, 'USAGE', false))`,
        `array_append(coalesce(${q}, '{}'), makeaclitem('kind_other'::regrole, 10, 'EXECUTE', false))`,
      ];
    case 'text[]':
      return [`array_append(coalesce(${q}, '{}'), 'x=y')`];
    case 'oid[]':
      return [`array_append(coalesce(${q}, '{}'), (SELECT oid FROM pg_roles WHERE rolname = 'kind_other'))`];
    case 'smallint[]':
      return [`array_append(coalesce(${q}, '{}'), 1::int2)`];
    case 'real[]':
    case 'double precision[]':
      return [`array_append(coalesce(${q}, '{}'), 1)`];
    case '"char"[]':
      return [`array_append(coalesce(${q}, '{}'), 'o')`];
    case 'timestamp with time zone':
      return [`'2031-01-01'::timestamptz`];
    case 'pg_node_tree': {
      // There is no input of a pg_node_tree: another row's is taken as it is.
      return [
        `NULL`,
        `(SELECT o.${name} FROM ${catalog.name} o WHERE o.${name} IS NOT NULL AND o.ctid <> t.ctid LIMIT 1)`,
        `(SELECT o.${name} FROM ${catalog.name} o WHERE o.${name} IS NOT NULL AND o.ctid <> t.ctid OFFSET 1 LIMIT 1)`,
      ];
    }
    case 'xid':
      return [`'77'::xid`];
    case 'pg_lsn':
      return [`'1/1'::pg_lsn`];
    case 'bytea':
      return [`'\\x00'::bytea`];
    default:
      return [];
  }
}

/** How many rows of a class are tried before a column counts as not compared. */
const tried = 3;

/**
 * Changes every column of every catalog, one at a time, on rows that a user made, and asks the comparison what it sees.
 * Each change is rolled back.
 * @param open connects, and again after a change that the server did not survive
 * @param listed whether a column is known not to be compared
 * @param only the catalogs to walk
 */
export async function walkCatalogs(
  open: () => Promise<pg.Client>,
  listed: (at: CatalogColumn) => boolean,
  only = /^/,
): Promise<WalkResult[]> {
  /** A server that lost a process answers again when it has recovered. */
  const connect = async (): Promise<pg.Client> => {
    const found: pg.Client[] = [];
    await until('the server answers again', async () => {
      const client = await open().catch(() => undefined);
      if (client) found.push(client);
      return client !== undefined;
    });
    return found[0] as pg.Client;
  };
  let client = await connect();
  const begin = async () => {
    await client.query('SET allow_system_table_mods = on; SET statement_timeout = 20000');
  };
  await begin();
  const results: WalkResult[] = [];
  const before = await takeInventory(client);
  for (const catalog of (await catalogs(client)).filter(({ name }) => only.test(name))) {
    const kind = classes[catalog.name] ?? `''`;
    const { rows } = await client.query<{ rows: string; ctids: string[] }>(
      `SELECT coalesce(${kind}, '?') AS rows, (array_agg(t.ctid::text ORDER BY t.ctid))[1:40] AS ctids FROM ${catalog.name} t WHERE ${made(catalog)} GROUP BY 1 ORDER BY 1`,
    );
    for (const group of rows.length > 0 ? rows : [{ rows: 'none', ctids: [] }]) {
      for (const column of catalog.columns) {
        const at = { catalog: catalog.name, column: column.name, type: column.type, rows: group.rows };
        let outcome: WalkResult['outcome'] = 'refused';
        let detail = group.ctids.length === 0 ? 'no such row in the sample' : 'no other value';
        const all = await otherValues(client, catalog, column);
        // What is known not to be compared is tried once, so that the list does not grow old.
        const values = listed(at) ? all.slice(0, 1) : all;
        // Spread over the rows: the first ones are often of one kind.
        const step = Math.max(1, Math.floor(group.ctids.length / tried));
        const sample = group.ctids.filter((_, index) => index % step === 0).slice(0, listed(at) ? 1 : tried);
        search: for (const value of values) {
          for (const ctid of sample) {
            const answer = await change(
              client,
              before,
              `UPDATE ${catalog.name} t SET ${column.name} = ${value} WHERE t.ctid = '${ctid}' AND t.${column.name} IS DISTINCT FROM ${value}`,
            );
            if (answer.lost) {
              detail = 'the server did not survive it';
              client = await connect();
              await begin();
              continue;
            }
            if (answer.outcome === 'unchanged') continue;
            if (answer.outcome === 'refused') {
              if (outcome === 'refused') detail = answer.detail;
              continue;
            }
            outcome = answer.outcome;
            detail = answer.detail;
            if (outcome === 'named') break search;
          }
        }
        results.push({ ...at, outcome, detail });
      }
    }
  }
  await client.end();
  return results;
}

interface Answer {
  readonly outcome: WalkResult['outcome'] | 'unchanged';
  readonly detail: string;
  readonly lost?: boolean;
}

async function change(client: pg.Client, before: Inventory, sql: string): Promise<Answer> {
  try {
    await client.query('BEGIN');
    const { rowCount } = await client.query(sql);
    if (rowCount === 0) return { outcome: 'unchanged', detail: '' };
    const [first] = compareObjects(before.objects, (await takeInventory(client)).objects);
    return first
      ? { outcome: 'named', detail: `${first.kind} ${first.object} ${first.property ?? first.problem}` }
      : { outcome: 'blind', detail: sql };
  } catch (error) {
    return {
      outcome: 'refused',
      detail: (error as Error).message,
      lost: /terminat|closed|not queryable/i.test((error as Error).message),
    };
  } finally {
    await client.query('ROLLBACK').catch(() => {});
  }
}
