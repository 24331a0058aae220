import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { stringify } from 'yaml';

/** What the demo is called, wherever it shows. */
export const sampleDatabase = 'comptoir';

export interface PlatformFile {
  readonly file: string;
  /** Of the daemon, on 127.0.0.1. */
  readonly port: number;
}

/** Writes a platform file into the directory, as a user would, with a new password for the vault beside it. */
export async function writePlatform(directory: string, host: string, databasePort: number): Promise<PlatformFile> {
  const password = join(directory, 'vault-password');
  await writeFile(password, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  const port = await freePort();
  const file = join(directory, 'platform.yaml');
  // Half a day from now: a daemon that is kept has something to do, and not while the demo itself does it.
  const now = new Date();
  const daily = `${now.getUTCMinutes()} ${(now.getUTCHours() + 12) % 24} * * *`;
  await writeFile(
    file,
    stringify({
      name: 'demo',
      environment: 'dev',
      timezone: 'UTC',
      databases: [
        {
          name: sampleDatabase,
          connection: { host, port: databasePort, database: sampleDatabase, user: 'socle_backup' },
        },
      ],
      backup: {
        schedule: daily,
        deep_schedule: 'off',
        integrity: { schedule: daily },
        vault: { repository: join(directory, 'vault'), password: { file: password } },
      },
      drill: { schedule: daily },
      ops: { state: join(directory, 'state'), listen: { host: '127.0.0.1', port } },
    }),
    { mode: 0o600 },
  );
  return { file, port };
}

/** A port that nobody listened on a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address and a port');
  return address.port;
}
