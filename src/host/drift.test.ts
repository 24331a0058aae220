import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type DriftReport, judgeDrift, maxAgeOf, readDriftReport } from './drift-report.ts';
import { parseLine, type RunRecord } from './records.ts';
import { repeats } from './repeats.ts';
import { loaded } from './settle.ts';

const day = 86_400_000;
const now = new Date('2026-11-26T12:00:00Z');
const ago = (ms: number) => new Date(now.getTime() - ms).toISOString();
const nft = { role: 'network', what: 'content', where: 'nft table inet socle', expected: 'drop', found: 'accept' };
const report: DriftReport = {
  id: 'r-1',
  status: 'done',
  startedAt: ago(60_000),
  endedAt: ago(50_000),
  seconds: 10,
  only: ['network'],
  revision: null,
  fingerprint: 'f',
  failed: [],
  deviations: [],
};

test('an old report says nothing, and neither does half a look: the worst that is true is the state', () => {
  const state = (changes: Partial<DriftReport> | null) =>
    judgeDrift(changes === null ? null : { ...report, ...changes }, day, now).state;
  const failed = [{ role: 'network', task: 'Write rulesets' }];
  expect(state(null)).toBe('never compared');
  expect(state({})).toBe('ok');
  expect(state({ deviations: [nft] })).toBe('drift');
  expect(state({ deviations: [nft], status: 'failed', failed })).toBe('failing');
  expect(state({ deviations: [nft], endedAt: ago(maxAgeOf(day) + 1) })).toBe('overdue');
  expect(state({ endedAt: ago(2.1 * day) })).toBe('ok');
});

test('the sentence names the first deviation, with what was expected and found', () => {
  const { detail } = judgeDrift({ ...report, deviations: [nft, nft, nft] }, day, now);
  expect(detail).toBe('content nft table inet socle: accept instead of drop, and 2 more; the comparison is 50.0 s old');
});

test('a report is read from its file; none is no report, and nonsense is an error', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-drift-'));
  const file = join(directory, 'report.json');
  expect(await readDriftReport(file)).toBeNull();
  await writeFile(file, JSON.stringify(report));
  expect(await readDriftReport(file)).toEqual(report);
  await writeFile(file, '{}');
  await expect(readDriftReport(file)).rejects.toThrow();
  await rm(directory, { recursive: true });
});

const changed = [{ role: 'network', task: 'Write rulesets', status: 'changed', seconds: 1 }];
const run = (id: string, more: Partial<RunRecord> = {}): RunRecord => ({
  id,
  status: 'done',
  check: false,
  drift: false,
  uninstall: false,
  only: ['network'],
  revision: 'abc',
  fingerprint: 'f',
  actor: 'cli:me',
  key: null,
  startedAt: now.toISOString(),
  endedAt: now.toISOString(),
  seconds: 9,
  tasks: 10,
  changed: [],
  failed: [],
  deviations: [],
  stays: [],
  roles: {},
  ...more,
});
/** Oldest first, as they happen. */
const rate = (...runs: RunRecord[]) => repeats(runs.reverse(), 20);

test('the first run, and one with other roles, variables or revision, is no repetition', () => {
  expect(rate(run('1', { changed }))).toMatchObject({ repeated: 0, rate: null });
  expect(
    rate(run('1', { changed }), run('2', { changed, fingerprint: 'g' }), run('3', { changed, revision: 'd' })),
  ).toMatchObject({ repeated: 0, rate: null, unexpected: [] });
});

test('five repetitions, one of which changed something, are four fifths', () => {
  const found = rate(run('1', { changed }), run('2'), run('3', { changed }), run('4'), run('5'), run('6'));
  expect(found).toMatchObject({ repeated: 5, unchanged: 4, rate: 0.8, consecutive: 3 });
  expect(found.unexpected.map(({ id }) => id)).toEqual(['3']);
  expect(repeats([run('3'), run('2'), run('1', { changed })], 1)).toMatchObject({ repeated: 1, unchanged: 1 });
});

test('domains that were provisioned one by one make a whole, and more domains than before do not', () => {
  const both = ['network', 'orchestration'];
  const apart = [run('1', { changed }), run('2', { changed, only: ['orchestration'] })];
  expect(rate(...apart, run('3', { only: both }))).toMatchObject({ repeated: 1, unchanged: 1 });
  expect(rate(run('1', { changed }), run('2', { changed, only: both }))).toMatchObject({ repeated: 0 });
});

test('a repetition that fails counts against the rate; the run that completes it does not; checks never count', () => {
  const found = rate(
    run('1', { changed }),
    run('2', { check: true, drift: true, changed }),
    run('3', { status: 'failed' }),
    run('4', { changed }),
    run('5', { check: true, changed }),
    run('6'),
  );
  expect(found).toMatchObject({ repeated: 2, unchanged: 1, rate: 0.5 });
  expect(found.unexpected.map(({ id }) => id)).toEqual(['3']);
});

test('the first run that closes SSH in public completes the one before; a firewall that was loaded again counts', () => {
  const closed = [{ role: 'operator', task: loaded.closed, status: 'changed', seconds: 0 }];
  expect(rate(run('1', { changed }), run('2', { changed: closed }), run('3'))).toMatchObject({
    repeated: 1,
    unchanged: 1,
  });
  const again = rate(run('1', { changed }), run('2', { changed: closed }), run('3', { changed: closed }));
  expect(again).toMatchObject({ repeated: 1, unchanged: 0 });
});

test('after an uninstallation a run has everything to do again, and an uninstallation repeats nothing', () => {
  const off = run('3', { uninstall: true, changed });
  expect(rate(run('1', { changed }), run('2'), off, run('4', { changed }), run('5'))).toMatchObject({
    repeated: 2,
    unchanged: 2,
  });
});

test('a record of an older Socle is read, and is no repetition of anything', () => {
  const { fingerprint, deviations, drift, uninstall, stays, ...old } = run('1');
  expect(parseLine(JSON.stringify({ record: old })).record).toEqual({ ...run('1'), fingerprint: null });
  expect(rate(run('1', { fingerprint: null }), run('2', { fingerprint: null }))).toMatchObject({ repeated: 0 });
  expect(parseLine('{"record": null}').record).toBeNull();
});
