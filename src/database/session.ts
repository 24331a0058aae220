import type pg from 'pg';

/**
 * What the text of a value, of a definition or the set of visible rows depends on. `row_security = off` makes a query
 * that a policy would filter fail instead of returning fewer rows. Names that a version lacks are skipped.
 */
const pinned: Readonly<Record<string, string>> = {
  TimeZone: 'UTC',
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  extra_float_digits: '3',
  lc_monetary: 'C',
  lc_numeric: 'C',
  lc_time: 'C',
  xmlbinary: 'base64',
  xmloption: 'content',
  row_security: 'off',
  search_path: 'pg_catalog',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  backslash_quote: 'safe_encoding',
  transform_null_equals: 'off',
  // Many short catalog queries: compiling them costs more than it saves.
  jit: 'off',
};

/** Pins every setting that the text of values and definitions depends on, for the rest of the session. One round trip. */
export async function pinSession(client: pg.ClientBase): Promise<void> {
  await client.query({
    text: `SELECT pg_catalog.set_config(s.name, v.value, false)
      FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) v(name, value)
      JOIN pg_catalog.pg_settings s ON pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) pg_catalog.lower(v.name)`,
    values: [Object.keys(pinned), Object.values(pinned)],
  });
}

/** `server_version_num`, such as 150018. */
export async function versionNumber(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ number: string }>(
    `SELECT pg_catalog.current_setting('server_version_num') AS number`,
  );
  return Number(rows[0]?.number);
}
