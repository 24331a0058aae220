import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stringify } from 'yaml';
import type { ThrowAwayServer } from '../src/demo/server.ts';
import { type StartedProcess, start } from '../src/kernel/process.ts';
import { program } from '../src/kernel/program.ts';
import { platformSchema } from '../src/platform/schema.ts';

/** One platform of Socle with a new, empty vault, as a user would have it. */
export interface Site {
  readonly directory: string;
  readonly file: string;
  /** The one database of it. */
  readonly database: string;
  readonly vault: string;
  readonly passwordFile: string;
}

/** Sections of platform.yaml that differ from a platform on which nothing is scheduled. */
export interface SiteOptions {
  readonly schedule?: string;
  readonly port?: number;
}

export async function makeSite(
  directory: string,
  server: ThrowAwayServer,
  database: string,
  options: SiteOptions = {},
): Promise<Site> {
  await mkdir(directory, { mode: 0o700 });
  const site = {
    directory,
    database,
    file: join(directory, 'platform.yaml'),
    vault: join(directory, 'vault'),
    passwordFile: join(directory, 'vault-password'),
  };
  const { schedule = 'off', port = 0 } = options;
  await writeFile(site.passwordFile, 'a password for measurements\n', { mode: 0o600 });
  const platform = {
    name: 'bench',
    environment: 'dev',
    databases: [{ name: database, connection: { host: server.host, port: server.port, database } }],
    backup: {
      schedule,
      deep_schedule: 'off',
      jitter: '0s',
      integrity: { schedule: 'off' },
      vault: { repository: site.vault, password: { file: site.passwordFile } },
    },
    drill: { schedule, jitter: '0s' },
    ops: { state: join(directory, 'state'), listen: { port } },
  };
  platformSchema.parse(platform);
  await writeFile(site.file, stringify(platform));
  await socle(site, ['vault', 'init']);
  return site;
}

/** Runs `socle … --json` as a user would and reads its answer. */
export function socle<T>(site: Site, args: readonly string[]): Promise<T> {
  return answerOf<T>(start(program, [...args, '--json', '--config', site.file]), args.join(' '));
}

/** What a `socle … --json` that was started prints. */
export async function answerOf<T>(child: StartedProcess, what: string): Promise<T> {
  const [printed, said, { exitCode }] = await Promise.all([
    child.stdout ? text(child.stdout) : '',
    child.stderr ? text(child.stderr) : '',
    child.ended,
  ]);
  if (exitCode !== 0) throw new Error(`socle ${what} ended with ${exitCode}: ${printed || said}`);
  return JSON.parse(printed) as T;
}
