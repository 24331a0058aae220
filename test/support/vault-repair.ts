import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { SocleError } from '../../src/kernel/errors.ts';
import { run, start } from '../../src/kernel/process.ts';
import { until } from './until.ts';

const page = readFileSync(new URL('../../docs/vault.md', import.meta.url), 'utf8');
const section = (title: string) => page.split(/^### /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
const blocks = (title: string) =>
  [...section(title).matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');

/** Runs the blocks of a section of docs/vault.md as they stand, after the one that finds what is damaged, in one shell. */
export async function runRepair(
  title: string,
  only: readonly number[] | undefined,
  cwd: string,
  env: Record<string, string>,
): Promise<string> {
  const chosen = blocks(title).filter((_, index) => only?.includes(index) ?? true);
  expect(chosen.length).toBeGreaterThan(0);
  const script = [...blocks('Which files are damaged'), ...chosen].join('\n');
  return (await run('sh', ['-c', script], { cwd, env })).stdout;
}

export interface Failed {
  readonly code: string;
  readonly message: string;
}

/** What a verb came to. Whatever fails says what to do, in a section of docs/vault.md that is there. */
export async function outcome<T>(work: () => Promise<T>): Promise<T | Failed> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SocleError)) throw error;
    const next = String(error.details.next ?? error.failure.next);
    const [, title] = /"(A [^"]+)"/.exec(next) ?? [];
    const found = title !== undefined && section(title) !== '';
    expect({ message: error.message, next, found }).toMatchObject({ found: true });
    return { code: error.code, message: error.message };
  }
}

/** A restic that was killed leaves its lock. Resolves to the file. */
export async function leaveLock(repository: string, env: Record<string, string>): Promise<string> {
  const locks = join(repository, 'locks');
  const child = start('restic', ['backup', '--stdin'], { env, stdio: ['pipe', 'ignore', 'ignore'] });
  const made = async () => (await readdir(locks)).filter((name) => /^[0-9a-f]{64}$/.test(name));
  await until('restic has its lock', async () => (await made()).length > 0);
  child.kill('SIGSTOP');
  const [name = ''] = await made();
  child.kill('SIGKILL');
  await child.ended;
  return join(locks, name);
}
