import { expect, test } from 'vitest';
import { newBackup } from '../backup/new-backup.ts';
import type { Backup } from '../backup/schema.ts';
import { fail } from '../kernel/errors.ts';
import { chooseBackup } from './choose.ts';
import { restoreFailure } from './classify.ts';
import { BackupFault, Suspicion } from './evidence.ts';
import { dataLoss, longestGap, recoveryTime } from './measure.ts';
import { changeOfBackup } from './report.ts';
import { restoreErrors } from './restore-errors.ts';
import { restoreArguments, splitList } from './restore-plan.ts';
import type { DrillReport } from './schema.ts';

const day = 86_400_000;
const now = new Date('2026-11-22T12:00:00Z');

function backup(id: string, daysAgo: number, options: Partial<Backup> = {}): Backup {
  const timestamp = new Date(now.getTime() - daysAgo * day).toISOString();
  return {
    ...newBackup(id, 'shop', new Date(timestamp), false),
    finishedAt: timestamp,
    status: 'good',
    ...options,
  };
}

test('the newest good backup is drilled; a deep drill takes the newest with hashes', () => {
  const all = [backup('a', 3, { deep: true }), backup('b', 1), backup('c', 0, { status: 'incomplete' })];
  expect(chooseBackup(all, ['shop'], { deep: false }).id).toBe('b');
  const lacking = [...all, backup('d', 0, { status: 'incomplete', missing: ['operator public.%'] })];
  expect(chooseBackup(lacking, ['shop'], { deep: false }).id).toBe('b');
  expect(chooseBackup(lacking, ['shop'], { deep: false, incomplete: true }).id).toBe('d');
  expect(() => chooseBackup(lacking, ['shop'], { backup: 'd', deep: false })).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('it lacks operator public.%'),
      details: expect.objectContaining({ next: expect.stringContaining('--incomplete') }),
    }),
  );
  // Without a manifest nobody knows what it lacks.
  expect(() => chooseBackup(all, ['shop'], { backup: 'c', deep: false, incomplete: true })).toThrow(/never completed/);
  expect(chooseBackup(all, ['shop'], { deep: true }).id).toBe('a');
  expect(chooseBackup(all, ['shop', 'crm'], { database: 'shop', deep: false }).id).toBe('b');
});

test.each([
  ['several databases and none named', { deep: false }, ['shop', 'crm'], 'usage'],
  ['a database that nobody knows', { database: 'x', deep: false }, ['shop'], 'not-found'],
  ['a database without a good backup', { database: 'crm', deep: false }, ['shop', 'crm'], 'no-backup'],
  ['deep without hashes', { database: 'shop', deep: true }, ['shop'], 'no-backup'],
  ['an id that is not there', { backup: 'z', deep: false }, ['shop'], 'not-found'],
  ['an incomplete one', { backup: 'c', deep: false }, ['shop'], 'no-backup'],
])('%s is refused', (_what, choice, names, code) => {
  const all = [backup('b', 1), backup('c', 0, { status: 'incomplete' })];
  expect(() => chooseBackup(all, names, choice)).toThrow(expect.objectContaining({ code }));
});

test('the longest gap is between good backups, in 30 days, with the one that reaches into them', () => {
  expect(longestGap([backup('a', 1)], 'shop', now)).toBeNull();
  const all = [backup('a', 40), backup('b', 29), backup('c', 20, { status: 'failed' }), backup('d', 5), backup('e', 1)];
  expect(longestGap(all, 'shop', now)).toBe(24 * day);
  expect(longestGap(all.slice(0, 2), 'shop', now)).toBe(11 * day);
  expect(longestGap([backup('a', 50), backup('b', 40)], 'shop', now)).toBeNull();
  expect(longestGap(all, 'crm', now)).toBeNull();
});

test('data loss is what is newer than the newest sign of life, never negative', () => {
  const facts = { startedAt: now, snapshotAt: new Date(now.getTime() - day), longestGapMs: null, targetMs: 2 * day };
  const dead = new Date(now.getTime() - 9 * day);
  expect(dataLoss({ ...facts, heartbeatAt: dead })).toMatchObject({ ms: day, measuredBy: 'snapshot', met: true });
  expect(dataLoss({ ...facts, heartbeatAt: null })).toMatchObject({ ms: day, measuredBy: 'snapshot', met: true });
  expect(dataLoss({ ...facts, heartbeatAt: new Date(now.getTime() - 9) })).toMatchObject({
    ms: 9,
    measuredBy: 'heartbeat',
  });
  expect(dataLoss({ ...facts, heartbeatAt: new Date(now.getTime() + 9) })).toMatchObject({ ms: 0 });
  expect(dataLoss({ ...facts, heartbeatAt: null, longestGapMs: 3 * day })).toMatchObject({ met: false });
});

test('recovery time is fetch and restore, without the proof', () => {
  expect(recoveryTime({ fetch: 10, restore: 20 }, 30)).toEqual({ ms: 30, targetMs: 30, met: true });
  expect(recoveryTime({ fetch: 10, restore: 21 }, 30)).toMatchObject({ met: false });
});

const printed = `pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 3436; 2606 16395 FK CONSTRAINT b b_a_fkey postgres
pg_restore: error: could not execute query: ERROR:  insert or update on table "b" violates foreign key constraint "b_a_fkey"
DETAIL:  Key (a)=(99) is not present in table "a".
Command was: ALTER TABLE ONLY public.b
    ADD CONSTRAINT b_a_fkey FOREIGN KEY (a) REFERENCES public.a(id);


pg_restore: error: a worker process died unexpectedly
`;

test('errors of pg_restore are read with their statement, and never quote a value', () => {
  const errors = restoreErrors(printed);
  expect(errors).toEqual([
    {
      message: 'insert or update on table "b" violates foreign key constraint "b_a_fkey"',
      detail: 'Key (a)=(99) is not present in table "a".',
      statement: 'ALTER TABLE ONLY public.b ADD CONSTRAINT b_a_fkey FOREIGN KEY (a) REFERENCES public.a(id);',
    },
  ]);
  const failure = restoreFailure(errors, 1);
  expect(failure.code).toBe('source-inconsistent');
  expect(failure.message).toContain('ADD CONSTRAINT b_a_fkey');
  expect(JSON.stringify([failure.message, failure.details])).not.toContain('99');
});

test.each([
  ['ERROR:  could not create unique index "t_pkey"', 'source-inconsistent'],
  ['ERROR:  new row for relation "t" violates check constraint "positive"', 'source-inconsistent'],
  ['ERROR:  extension "postgis" is not available', 'drill-environment'],
  [
    'ERROR:  could not open extension control file "/usr/share/x.control": No such file or directory',
    'drill-environment',
  ],
  ['ERROR:  invalid locale name: "de_DE.UTF-8"', 'drill-environment'],
  ['ERROR:  could not extend file "base/1/2": No space left on device', 'drill-out-of-space'],
  ['ERROR:  out of memory', 'drill-out-of-memory'],
  ['error returned by PQputCopyData: cannot allocate memory for output buffer', 'drill-out-of-memory'],
  [
    'ERROR:  could not load library "/opt/vendor/x.so": libvendor.so.3: cannot open shared object file',
    'drill-environment',
  ],
  ['ERROR:  could not access file "/opt/vendor/x.so": No such file or directory', 'drill-environment'],
  ['server closed the connection unexpectedly', 'scratch-failed'],
  ['could not uncompress data: incorrect header check', 'artifact-damaged'],
  ['input file does not appear to be a valid archive', 'artifact-damaged'],
  ['ERROR:  relation "rates" does not exist', 'restore-failed'],
])('%s means %s', (text, code) => {
  expect(restoreFailure(restoreErrors(`pg_restore: error: could not execute query: ${text}\n`), 1).code).toBe(code);
});

const log = `2026-12-01 02:00:00.000 UTC [31] 23503 ERROR:  insert or update on table "b" violates foreign key constraint "f"
2026-12-01 02:00:00.000 UTC [31] 23503 DETAIL:  Key (a)=(99) is not present in table "a".
2026-12-01 02:00:01.000 UTC [32] 42P01 ERROR:  relation "ra\u00e9s" does not exist at character 25
2026-12-01 02:00:02.000 UTC [33] 57014 ERROR:  canceling statement due to user request
2026-12-01 02:00:03.000 UTC [34] XX000 ERROR:  could not do it
2026-12-01 02:00:04.000 UTC [35] 53200 ERROR:  no memory for that
`;

test.each([
  ['insert or update on table "b" violates foreign key constraint "f"', 'source-inconsistent'],
  ['relation "ra\u00e9s" does not exist', 'mismatch'],
  // A signal, a defect and a lack of memory say nothing about the backup, …
  ['canceling statement due to user request', null],
  ['could not do it', null],
  ['no memory for that', null],
  // … and neither does what the server never said.
  ['error returned by PQputCopyData: no room in output buffer', null],
  ['relation "elsewhere" does not exist', null],
])('the log of the server decides whether %s accuses', (said, accusation) => {
  const failure = restoreFailure([{ message: said, detail: null, statement: null }], 1);
  expect(Suspicion.ofRestore(failure, log)?.accusation ?? null).toBe(accusation);
});

test('an accusation takes two attempts that come to the same', () => {
  const [broken, refused] = [
    'insert or update on table "b" violates foreign key constraint "f"',
    'relation "ra\u00e9s" does not exist',
  ].map((message) => Suspicion.ofRestore(restoreFailure([{ message, detail: null, statement: null }], 1), log)) as [
    Suspicion,
    Suspicion,
  ];
  expect(BackupFault.confirmed(broken, broken)).toMatchObject({ accusation: 'source-inconsistent' });
  expect(BackupFault.confirmed(broken, refused)).toBeNull();
  expect(BackupFault.confirmed(broken, restoreFailure([], 137))).toBeNull();
  const vault = (exitCode: number) => fail('vault-damaged', 'damaged data in the vault', { exitCode });
  expect(Suspicion.ofVault(vault(1))?.accusation).toBe('artifact-damaged');
  expect(Suspicion.ofVault(vault(137))).toBeNull();
  expect(Suspicion.ofVault(fail('vault-unreachable', 'x', { exitCode: 1 }))).toBeNull();
});

const report = (verdict: DrillReport['verdict'], level: DrillReport['level']) =>
  ({ id: 'd-1', finishedAt: now.toISOString(), verdict, level }) as DrillReport;

test('a weaker proof does not take back a stronger one, and a drill that could not test changes nothing', () => {
  const proven = backup('a', 1, { proof: { status: 'identical-to-source', drill: 'd-0', at: now.toISOString() } });
  const after = changeOfBackup(proven, report('proven', 'identical-to-artifact'));
  expect(after.proof).toMatchObject({ status: 'identical-to-source', drill: 'd-1' });
  expect(changeOfBackup(proven, report('not-tested', null))).toEqual({});
  expect(changeOfBackup(proven, report('source-inconsistent', null))).toEqual({});
  expect(changeOfBackup(proven, report('mismatch', 'restored')).proof?.status).toBe('mismatch');
  expect(changeOfBackup(proven, report('artifact-damaged', null))).toEqual({ status: 'damaged' });
  const damaged = backup('a', 1, { status: 'damaged' });
  expect(changeOfBackup(damaged, report('proven', 'identical-to-artifact')).status).toBe('good');
});

test('the list of entries is split where our own extensions have to come between', () => {
  const list = `;\n; Archive created\n3600; 1262 1 DATABASE - x postgres\n3601; 0 0 COMMENT - DATABASE x postgres
3602; 0 0 DATABASE PROPERTIES - x postgres\n9; 2615 16544 SCHEMA - ss postgres\n3; 3079 16441 EXTENSION - citext
3588; 0 0 COMMENT - EXTENSION citext\n218; 1259 16385 TABLE public SCHEMA postgres\n7; 0 0 ACL - SCHEMA ss postgres\n`;
  const { before, after } = splitList(list);
  expect(before.match(/^\d+/gm)).toEqual(['3600', '3601', '3602', '9']);
  expect(after.match(/^\d+/gm)).toEqual(['3', '3588', '218', '7']);
});

test('a name that looks like a connection string stays a name', () => {
  const command = { archive: '/a', database: "host=evil 'x'", create: false, jobs: 2, exitOnError: true };
  expect(restoreArguments(command)).toEqual([
    '--exit-on-error',
    '--jobs=2',
    `--dbname=dbname='host=evil \\'x\\''`,
    '/a',
  ]);
});
