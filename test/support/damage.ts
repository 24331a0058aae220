import { chmod, mkdir, open, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';

export const faults = ['flipped', 'cut', 'empty', 'missing', 'unreadable'] as const;
export type Fault = (typeof faults)[number];

/** Flips one bit of a file. */
export async function flipBit(file: string, offset: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, offset);
  byte[0] = (byte[0] ?? 0) ^ 1;
  await handle.write(byte, 0, 1, offset);
  await handle.close();
}

/** Does to a file what disks, crashes and people do to files. */
export async function damage(file: string, fault: Fault): Promise<void> {
  const { size } = await stat(file);
  if (fault === 'unreadable') return chmod(file, 0o000);
  await chmod(file, 0o600);
  if (fault === 'flipped') return flipBit(file, Math.floor(size / 2));
  if (fault === 'missing') return rm(file);
  await truncate(file, fault === 'cut' ? Math.floor(size / 2) : 0);
}

/** Every file below a directory, the largest first. */
export async function filesBelow(directory: string): Promise<string[]> {
  const found = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  const sized = await Promise.all(
    found.map(async ({ parentPath, name }) => ({
      path: join(parentPath, name),
      size: (await stat(join(parentPath, name))).size,
    })),
  );
  return sized.sort((a, b) => b.size - a.size).map(({ path }) => path);
}

/**
 * Makes programs with these names obey a file's mode, for root as for anybody: they run without CAP_DAC_OVERRIDE.
 * @returns the PATH that finds them
 */
export async function obeyModes(directory: string, programs: readonly string[], path: string): Promise<string> {
  if (userInfo().uid !== 0) return path;
  const shims = join(directory, 'obeying');
  await mkdir(shims, { recursive: true });
  for (const program of programs) {
    const real = `PATH='${path}' exec setpriv --bounding-set=-dac_override,-dac_read_search ${program} "$@"`;
    await writeFile(join(shims, program), `#!/bin/sh\n${real}\n`, { mode: 0o755 });
  }
  return `${shims}:${path}`;
}
