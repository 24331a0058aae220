import { expect, test } from 'vitest';
import type { Inventory } from './inventory-schema.ts';
import { creatableVersions } from './scratch-host.ts';
import { type HostFacts, normalizeLocale, preflightRestore } from './scratch-preflight.ts';
import { sourceSettings } from './scratch-settings.ts';

const GiB = 2 ** 30;
const limits = { memory: GiB, disk: 50 * GiB, reserve: GiB };

const host: HostFacts = {
  serverVersion: '15.18',
  icu: true,
  locales: new Set(['C', 'C.utf8', 'fr_FR.utf8']),
  libraries: new Set(['pg_stat_statements', 'citext']),
  extensions: new Map([
    ['plpgsql', { defaultVersion: '1.0', versions: new Set(['1.0']) }],
    ['citext', { defaultVersion: '1.6', versions: new Set(['1.4', '1.5', '1.6']) }],
  ]),
  files: null,
  sight: [],
  freeDisk: 100 * GiB,
  availableMemory: 4 * GiB,
};

function inventory(server: Partial<Inventory['server']> = {}, bytes = GiB): Inventory {
  return {
    format: 2,
    server: {
      versionNumber: 150018,
      version: '15.18',
      major: 15,
      superuser: 'postgres',
      encoding: 'UTF8',
      collate: 'fr_FR.UTF-8',
      ctype: 'fr_FR.UTF-8',
      localeProvider: 'libc',
      icuLocale: null,
      collations: [],
      dataChecksums: false,
      preloadLibraries: [],
      tablespaces: [],
      extensions: [{ name: 'plpgsql', version: '1.0', schema: 'pg_catalog' }],
      settings: {},
      ...server,
    },
    database: 'shop',
    bytes,
    objects: [],
    relations: [],
    largeObjects: [],
  };
}

const messages = (of: Inventory, facts: Partial<HostFacts> = {}, bounds: Partial<typeof limits> = {}) =>
  preflightRestore(of, GiB, { ...host, ...facts }, { ...limits, ...bounds }).problems.map(({ message }) => message);

test('a machine like the source has no problem', () => {
  expect(preflightRestore(inventory(), GiB, host, limits)).toEqual({ problems: [], notes: [] });
});

test('what is missing is named, all of it at once', () => {
  const of = inventory({
    collate: 'de_DE.UTF-8',
    collations: [
      { name: 'public.nl', provider: 'libc', locale: 'nl_NL.utf8', version: '2.36' },
      { name: 'public.numeric', provider: 'icu', locale: 'und-u-kn', version: '153.14' },
    ],
    preloadLibraries: ['pg_stat_statements', '$libdir/pg_cron.so'],
    extensions: [
      { name: 'postgis', version: '3.3.2', schema: 'public' },
      { name: 'citext', version: '1.7', schema: 'public' },
    ],
  });
  expect(messages(of, { icu: false })).toEqual([
    'the locale de_DE.UTF-8 of the source is not installed here',
    'the locale nl_NL.utf8 of the source is not installed here',
    'the source uses ICU collations, and the PostgreSQL installed here was built without ICU',
    'the extension postgis of the source is not installed here',
    'the source has citext 1.7, and only 1.4, 1.5, 1.6 can be created here',
    'the source preloads $libdir/pg_cron.so, which is not installed here',
  ]);
});

test('an older version that can be created, and tablespaces, are notes', () => {
  const of = inventory({ extensions: [{ name: 'citext', version: '1.4', schema: 'public' }], tablespaces: ['fast'] });
  expect(preflightRestore(of, GiB, host, limits)).toEqual({
    problems: [],
    notes: [
      'tablespaces (fast) are directories of the scratch server',
      'extension citext: version 1.4 as on the source, and not 1.6, the default here',
    ],
  });
});

test('disk and memory: what is needed against what is free and what is allowed', () => {
  expect(messages(inventory({}, 60 * GiB))).toEqual([
    'the restore needs about 62.1 GiB of disk, and drill.limits.disk is 50.0 GiB',
  ]);
  expect(messages(inventory({}, 10 * GiB), { freeDisk: 12.5 * GiB })).toEqual([
    expect.stringMatching(/needs about 12\.1 GiB of disk, and 12\.5 GiB are free, of which 1\.00 GiB stay free/),
  ]);
  expect(messages(inventory(), { availableMemory: 2 ** 20 })).toEqual([expect.stringContaining('1.00 MiB of memory')]);
  expect(messages(inventory(), {}, { memory: 2 ** 27 })).toEqual([expect.stringContaining('drill.limits.memory')]);
});

test('without the server of that major version nothing else is asked', () => {
  const { problems } = preflightRestore(inventory({ major: 17 }), GiB, { ...host, serverVersion: null }, limits);
  expect(problems).toMatchObject([{ code: 'tool-missing', next: expect.stringContaining('install postgresql-17') }]);
});

test.each([
  ['fr_FR.UTF-8', 'fr_FR.utf8'],
  ['C.UTF-8', 'C.utf8'],
  ['de_DE.ISO-8859-15@euro', 'de_DE.iso885915@euro'],
  ['en_US', 'en_US'],
])('the C library knows %s as %s', (name, known) => {
  expect(normalizeLocale(name)).toBe(known);
});

test('versions of an extension: scripts of their own, and what updates lead to', () => {
  const files = ['x--1.0.sql', 'x--1.0--1.1.sql', 'x--1.1--1.2.sql', 'x--0.9--1.0.sql', 'xy--7.sql', 'x.control'];
  expect([...creatableVersions('x', files)].sort()).toEqual(['1.0', '1.1', '1.2']);
});

test('settings that mean something are taken over where the machine has the locale', () => {
  const source = { TimeZone: 'Europe/Paris', lc_time: 'de_DE.UTF-8', lc_numeric: 'fr_FR.UTF-8', block_size: '8192' };
  expect(sourceSettings(source, host.locales)).toEqual({ TimeZone: 'Europe/Paris', lc_numeric: 'fr_FR.UTF-8' });
});
