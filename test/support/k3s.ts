import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** What the tests need of an artifact mirror: its own build of K3s, and images of these names. */
const images = ['pause', 'coredns', 'local-path-provisioner', 'busybox', 'socle-test'].map((n) => `images/${n}.tar`);
export const mirrorFiles: readonly string[] = ['k3s', ...images];

const installed = (tool: string) => ['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool)));

/** Why tests with a real K3s cannot run here, for their title; empty when they can. */
export function whyNoK3s(mirror: string | null, tools: readonly string[]): string {
  if (userInfo().uid !== 0) return '(needs root)';
  if (mirror === null) return '(SKIPPED: there is no artifact mirror)';
  const missing = tools.filter((tool) => !installed(tool));
  return missing.length > 0 ? `(SKIPPED: there is no ${missing.join(', ')})` : '';
}

/** The mirror of a K3s that is one minor version older: `$SOCLE_MIRROR_BEFORE`, else `mirror-before` beside this one. */
export function findOlderMirror(mirror: string | null): string | null {
  if (mirror === null) return null;
  const older = process.env.SOCLE_MIRROR_BEFORE || join(dirname(mirror), 'mirror-before');
  return existsSync(join(older, 'k3s')) ? older : null;
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * A mirror with links to the files that are needed, and its own list of checksums.
 * @param k3s another program in the place of the mirror's
 * @returns the list's SHA-256, which a platform file vouches for it with
 */
export async function linkMirror(from: string, to: string, k3s = join(from, 'k3s')): Promise<string> {
  await rm(to, { recursive: true, force: true });
  let sums = '';
  for (const file of mirrorFiles) {
    const source = file === 'k3s' ? k3s : join(from, file);
    await mkdir(dirname(join(to, file)), { recursive: true });
    await symlink(source, join(to, file));
    sums += `${await sha256Of(source)}  ${file}\n`;
  }
  await writeFile(join(to, 'SHA256SUMS'), sums);
  return createHash('sha256').update(sums).digest('hex');
}
