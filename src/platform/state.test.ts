import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDatabase } from '../kernel/sqlite.ts';
import { statePaths } from './paths.ts';
import { platformSchema } from './schema.ts';
import { openPlatformState } from './state.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'socle-state-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const platformOf = (name: string, state = 'state') =>
  platformSchema.parse({ name, environment: 'dev', ops: { state: join(directory, state) } });

test('the state belongs to the first platform that opens it, and another one is refused and told whose it is', () => {
  openPlatformState(platformOf('atelier')).close();
  openPlatformState(platformOf('atelier')).close();
  expect(() => openPlatformState(platformOf('atelier-staging'))).toThrow(
    expect.objectContaining({
      code: 'state-of-another',
      message: expect.stringContaining('this state belongs to the platform atelier, and'),
      details: { file: join(directory, 'state/socle.db'), owner: 'atelier', platform: 'atelier-staging' },
    }),
  );
  openPlatformState(platformOf('atelier-staging', 'staging')).close();
});

test('a state from before belongs to the platform that opens it next, and keeps what it holds', () => {
  const { database } = statePaths(platformOf('atelier'));
  using before = openDatabase(database);
  before.exec("CREATE TABLE shop (item TEXT) STRICT; INSERT INTO shop VALUES ('a chair')");
  using db = openPlatformState(platformOf('atelier'));
  expect(db.prepare('SELECT item FROM shop').get()).toEqual({ item: 'a chair' });
  expect(() => openPlatformState(platformOf('other'))).toThrow(expect.objectContaining({ code: 'state-of-another' }));
});

test('platforms with a host of their own share nothing on the machine of their operator', () => {
  const env = { XDG_STATE_HOME: '/state' };
  const rootOf = (name: string, more: object) =>
    statePaths(platformSchema.parse({ name, environment: 'dev', ...more }), env).root;
  const own = rootOf('atelier', {});
  const host = { address: '192.0.2.1' };
  expect(rootOf('atelier', { host })).toBe(join(own, 'platforms/atelier'));
  expect(rootOf('staging', { host })).toBe(join(own, 'platforms/staging'));
  expect(rootOf('staging', { host, ops: { state: '/srv/state' } })).toBe('/srv/state');
});
