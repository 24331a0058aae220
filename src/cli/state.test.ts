import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { catalogued } from '../../test/support/stored-backup.ts';
import { BackupCatalog } from '../backup/catalog.ts';
import { run } from '../kernel/process.ts';
import { program as socle } from '../kernel/program.ts';
import { loadPlatform } from '../platform/load.ts';
import { openPlatformState } from '../platform/state.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'socle-state-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('staging and prod with one state directory: no verb of the second one shows anything of the first', async () => {
  const file = (name: string) => {
    const path = join(directory, `${name}.yaml`);
    const backup = 'backup: {vault: {repository: vault, password: {file: password}}}';
    const databases = 'databases: [{name: shop, connection: {database: shop}}]';
    writeFileSync(path, `name: ${name}\nenvironment: dev\n${databases}\n${backup}\nops: {state: state}\n`);
    return path;
  };
  const [staging, prod] = [file('staging'), file('prod')];
  {
    using db = openPlatformState(await loadPlatform(staging));
    new BackupCatalog(db).save(catalogued('b-1', '2026-07-01T22:15:00.000Z'));
  }
  expect((await run(socle, ['backup', 'list', '--config', staging])).stdout).toContain('b-1');
  for (const verb of [['backup', 'list'], ['operations', 'list'], ['status']]) {
    const { stdout, stderr, exitCode } = await run(socle, [...verb, '--config', prod], { accept: [0, 3, 4] });
    expect({ verb, stdout, exitCode }).toEqual({ verb, stdout: '', exitCode: 4 });
    expect(stderr).toContain('this state belongs to the platform staging');
    expect(stderr).toContain('ops.state');
  }
});
