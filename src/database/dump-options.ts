/**
 * Settings, as libpq's `PGOPTIONS`, that the text of values depends on and that pg_dump leaves as it finds them. A
 * backup's dump and the dump of its restored copy run with the same ones, whatever the server, the database or the role
 * has set, so that equal values are equal bytes. (pg_dump itself sets DateStyle, IntervalStyle, extra_float_digits and
 * synchronize_seqscans. Of `money` the text depends on lc_monetary, which is the reader's to have as well.)
 */
export const dumpOptions = '-c TimeZone=UTC -c bytea_output=hex -c statement_timeout=0';
