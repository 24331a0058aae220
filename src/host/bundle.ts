import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { ownFile } from '../kernel/place.ts';
import { run } from '../kernel/process.ts';

/** What a run was asked for, as its record tells it later. */
export interface RunRequest {
  readonly check: boolean;
  /** It compares the host with its last run, or with the platform file where there was none. */
  readonly drift?: boolean;
  /** It takes these domains off the host. */
  readonly uninstall?: boolean;
  /** The provisioning domains. */
  readonly only: readonly string[];
  /** Of the platform's repository: a commit, with `+changes` when files differ from it; null without a repository. */
  readonly revision: string | null;
  readonly actor: string;
}

const ansible = ownFile('ansible');

/** Path of a file of a role. */
export const roleFile = (role: string, file: string) => join(ansible, 'roles', role, file);

/** Everything that a run needs on the host, as one JSON document: file names and their texts. */
export async function bundle(request: RunRequest, variables: Record<string, unknown>): Promise<string> {
  const entries = await readdir(ansible, { recursive: true, withFileTypes: true });
  const files: Record<string, string> = {};
  for (const entry of entries.filter((one) => one.isFile() && !one.name.endsWith('.pyc'))) {
    const path = join(entry.parentPath, entry.name);
    files[relative(ansible, path)] = await readFile(path, 'utf8');
  }
  files['variables.json'] = JSON.stringify(variables);
  files['request.json'] = JSON.stringify({ ...request, fingerprint: fingerprintOf(files) });
  return JSON.stringify(files);
}

/** Two runs with the same one are to end in the same host. */
function fingerprintOf(files: Readonly<Record<string, string>>): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(files).sort()) hash.update(JSON.stringify([name, files[name]]));
  return hash.digest('hex');
}

/** The Git revision of the directory that the platform file is in. */
export async function revisionOf(file: string): Promise<string | null> {
  const git = async (...args: string[]) => (await run('git', ['-C', dirname(resolve(file)), ...args])).stdout.trim();
  try {
    const commit = await git('rev-parse', 'HEAD');
    return (await git('status', '--porcelain', '--', '.')) === '' ? commit : `${commit}+changes`;
  } catch {
    return null;
  }
}
