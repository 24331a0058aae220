import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ownFile } from '../kernel/place.ts';
import { run } from '../kernel/process.ts';

const has = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
const why =
  has('systemd-analyze', '--version') && has('python3', '-c', 'import jinja2, yaml')
    ? ''
    : '(SKIPPED: needs systemd-analyze, python3-jinja2 and python3-yaml)';

/** Units that may be exposed more; docs/provisioning.md says why. A new one does not get in here by itself. */
const exceptions = ['k3s.service', 'socle-drift.service', 'socle-pods.service'];
const most = 4;

describe.skipIf(why !== '')(`what units of ours may do ${why}`, () => {
  let directory: string;
  const levels = new Map<string, number>();

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'socle-units-'));
    await run('python3', [ownFile('test/support/render-units.py'), ownFile('ansible/roles'), directory]);
    for (const wireguard of ['kernel', 'userspace']) {
      const place = join(directory, wireguard);
      for (const name of await readdir(place)) {
        const { stdout } = await run('systemd-analyze', [
          'security',
          '--offline=true',
          '--no-pager',
          join(place, name),
        ]);
        const level = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1] ?? Number.NaN);
        levels.set(name, Math.max(level, levels.get(name) ?? 0));
      }
    }
  }, 120_000);
  afterAll(() => rm(directory ?? '', { recursive: true, force: true }));

  test('every unit is confined to an exposure of 4 or less, but for the few that the docs explain', async () => {
    expect(levels.size).toBeGreaterThan(10);
    const exposed = [...levels].filter(([, level]) => !(level <= most));
    expect(exposed.map(([name]) => name).sort()).toEqual(exceptions);
  });

  test('the table of the docs has each unit', async () => {
    const docs = await readFile(ownFile('docs/provisioning.md'), 'utf8');
    for (const name of levels.keys())
      expect(docs, name).toMatch(new RegExp(`^\\| \`${name.replace('.', '\\.')}\` \\| `, 'm'));
  });
});
