/** One entry of a plain schema dump. */
export interface SchemaPiece {
  /** Such as `table`, `fk constraint`, `acl`. */
  readonly kind: string;
  /** As pg_dump names it: `shop.orders`. */
  readonly object: string;
  readonly text: string;
}

const header = /^-- Name: ([\s\S]*?); Type: ([A-Z ]+); Schema: (.*?); Owner: .*$/m;
/** Said again only where it changes, so that it depends on the order of the entries; the inventory has both per table. */
const asItHappens = /^(SET default_(tablespace|table_access_method) = .*;|\\(un)?restrict .*)$\n?/gm;

/**
 * A schema dump cut at pg_dump's own headings, sorted: the order of entries is no property of a schema. A function's body
 * may hold such a heading; then it is two pieces on both sides.
 */
export function schemaPieces(dump: string): SchemaPiece[] {
  const [, ...parts] = dump
    .replace(asItHappens, '')
    .replace(/\n--\n-- PostgreSQL database dump complete\n--\n\s*$/, '\n')
    .split(/^--\n(?=-- Name: )/m);
  return parts
    .map((text): SchemaPiece => {
      const [, name = '', type = '', schema = '-'] = header.exec(text) ?? [];
      const object = schema === '-' ? name : `${schema}.${name}`;
      return { kind: type.toLowerCase(), object, text: text.trim().replace(/\n{2,}/g, '\n\n') };
    })
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0));
}

/** Pieces that `first` has and `second` has not. */
export function piecesOnlyIn(first: readonly SchemaPiece[], second: readonly SchemaPiece[]): SchemaPiece[] {
  const open = new Map<string, number>();
  for (const { text } of second) open.set(text, (open.get(text) ?? 0) + 1);
  return first.filter(({ text }) => {
    const left = open.get(text) ?? 0;
    open.set(text, left - 1);
    return left <= 0;
  });
}
