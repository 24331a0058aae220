import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/kernel/process.ts';

/**
 * Every major that this machine has programs of, newest last: Debian's, and those whose directories SOCLE_TEST_POSTGRES
 * names, separated by colons.
 */
export async function everyBin(): Promise<ReadonlyMap<number, string>> {
  const debian = (await readdir('/usr/lib/postgresql')).map((major) => `/usr/lib/postgresql/${major}/bin`);
  const others = (process.env.SOCLE_TEST_POSTGRES ?? '').split(':').filter((bin) => bin !== '');
  const found = new Map<number, string>();
  for (const bin of [...debian, ...others]) {
    const { stdout } = await run(join(bin, 'postgres'), ['--version'], { accept: [0, 127] });
    const major = Number(/\(PostgreSQL\) (\d+)/.exec(stdout)?.[1] ?? 0);
    if (major > 0 && !found.has(major)) found.set(major, bin);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}
