import { expect, test } from 'vitest';
import { type CatalogColumn, walkCatalogs } from './support/catalog-walk.ts';
import { addEveryCorner } from './support/every-corner.ts';
import { createEveryKind } from './support/every-kind.ts';
import { everyBin } from './support/majors.ts';
import { notCompared } from './support/not-compared.ts';
import { startPostgres } from './support/postgres.ts';

const known = new Set(
  Object.values(notCompared)
    .flat()
    .flatMap(({ catalog, rows, columns }) => columns.split(' ').map((column) => `${catalog}(${rows}).${column}`)),
);
const nameOf = ({ catalog, rows, column }: CatalogColumn) => `${catalog}(${rows}).${column}`;

/** SOCLE_CATALOGS walks those alone whose names it matches; SOCLE_TEST_POSTGRES names programs of further majors. */
const only = new RegExp(process.env.SOCLE_CATALOGS ?? '^');

test.each([...(await everyBin())].map(([major, bin]) => ({ major, bin })))(
  'PostgreSQL $major: a change of any column of any catalog is named, or stands in the list with the reason why not',
  { timeout: 3_600_000 },
  async ({ major, bin }) => {
    const server = await startPostgres({ bin });
    try {
      const name = await createEveryKind(server);
      await addEveryCorner(server, name);
      const walked = await walkCatalogs(
        () => server.connect(name),
        (at) => known.has(nameOf(at)),
        only,
      );
      const named = walked.filter(({ outcome }) => outcome === 'named');
      const unnamed = walked.filter(({ outcome }) => outcome !== 'named');
      process.stdout.write(`PostgreSQL ${major}: ${named.length} columns named, ${unnamed.length} in the list\n`);
      expect(unnamed.filter((at) => !known.has(nameOf(at))).map((at) => `${nameOf(at)}: ${at.detail}`)).toEqual([]);
      expect(named.filter((at) => known.has(nameOf(at))).map(nameOf), 'no longer true of the list').toEqual([]);
      expect(named.length).toBeGreaterThan(0);
    } finally {
      await server.stop();
    }
  },
);
