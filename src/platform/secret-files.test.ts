import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { platformSchema } from './schema.ts';
import { checkSecretFiles } from './secret-files.ts';

test('secrets that are missing, or that others can read, are named with their place', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-secrets-'));
  const file = join(directory, 'password');
  const platform = platformSchema.parse({
    name: 'home',
    environment: 'dev',
    databases: [{ name: 'shop', connection: { database: 'shop', password: { file: join(directory, 'none') } } }],
    backup: { vault: { repository: '/vault', password: { file } } },
  });
  try {
    await writeFile(file, 'a password\n');
    await chmod(file, 0o640);
    expect(await checkSecretFiles(platform)).toEqual([
      {
        path: 'databases[0].connection.password',
        file: join(directory, 'none'),
        problem: 'it cannot be read (ENOENT)',
      },
      { path: 'backup.vault.password', file, problem: `others can read it (mode 0640): run chmod 600 ${file}` },
    ]);
    await chmod(file, 0o600);
    expect(await checkSecretFiles(platform)).toHaveLength(1);
  } finally {
    await rm(directory, { recursive: true });
  }
});
