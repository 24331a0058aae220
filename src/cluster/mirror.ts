import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail } from '../kernel/errors.ts';
import { lock } from './lock.ts';

/** A file that the host gets, with the checksum that it must have. */
export interface Artifact {
  /** `k3s` (the program), or an archive of images, `images/…`. */
  readonly name: string;
  readonly sha256: string;
  readonly from: { readonly url: string } | { readonly file: string };
}

export interface MirrorOptions {
  /** `--mirror`. */
  readonly named?: string | undefined;
  /** `cluster.mirror_sums` of the platform file. */
  readonly sums?: string | undefined;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * The directory that artifacts come from: the one named, else `$SOCLE_MIRROR`, else `~/.cache/socle/mirror` when it
 * holds a `k3s`; null means the official release.
 * @throws `mirror-incomplete` when the one named is not there
 */
export function findMirror({ named, env = process.env }: MirrorOptions = {}): string | null {
  const asked = named ?? (env.SOCLE_MIRROR || undefined);
  const usual = join(env.XDG_CACHE_HOME ?? join(env.HOME ?? homedir(), '.cache'), 'socle', 'mirror');
  if (asked === undefined) return existsSync(join(usual, 'k3s')) ? usual : null;
  if (existsSync(asked)) return resolve(asked);
  throw fail('mirror-incomplete', `there is no artifact mirror at ${asked}`, { mirror: asked });
}

/**
 * What the host gets and where from; every file of a mirror has been read and has the checksum that counts. That is
 * the lock's, unless the platform file vouches for the mirror's own list by its checksum (docs/adr/0022).
 * @throws `checksum-mismatch`, `mirror-incomplete`
 */
export async function resolveArtifacts(options: MirrorOptions = {}): Promise<Artifact[]> {
  const mirror = findMirror(options);
  if (mirror === null) {
    if (options.sums !== undefined) {
      throw fail('mirror-incomplete', 'the platform file vouches for a mirror of its own, and there is none here', {
        next: 'name it with --mirror or SOCLE_MIRROR, or take `cluster.mirror_sums` out of the platform file',
      });
    }
    return Object.entries(lock).map(([name, { url, sha256 }]) => ({ name, sha256, from: { url } }));
  }
  const expected = options.sums === undefined ? lockedSums() : await ownSums(mirror, options.sums);
  const artifacts: Artifact[] = [];
  for (const [name, sha256] of expected) {
    const file = join(mirror, name);
    await requireChecksum(file, sha256);
    artifacts.push({ name, sha256, from: { file } });
  }
  return artifacts;
}

const lockedSums = () => new Map(Object.entries(lock).map(([name, { sha256 }]) => [name, sha256]));

/** The mirror's own SHA256SUMS, in the format of sha256sum(1): the program and the image archives; the rest is not ours. */
async function ownSums(mirror: string, pinned: string): Promise<Map<string, string>> {
  const file = join(mirror, 'SHA256SUMS');
  await requireChecksum(file, pinned);
  const sums = new Map<string, string>();
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const [, sha256 = '', name = ''] =
      /^([0-9a-f]{64}) [ *](?:\.\/)?(k3s|images\/[\w.@+-]+\.tar(?:\.zst)?)$/.exec(line) ?? [];
    if (name) sums.set(name, sha256);
  }
  if (sums.has('k3s')) return sums;
  throw fail('mirror-incomplete', `${file} names no k3s`, { file });
}

async function requireChecksum(file: string, expected: string): Promise<void> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw fail('mirror-incomplete', `${file} cannot be read (${code ?? 'unknown'})`, { file });
  }
  const found = hash.digest('hex');
  if (found === expected) return;
  throw fail('checksum-mismatch', `${file} has the SHA-256 ${found}, and ${expected} is expected`, {
    file,
    expected,
    found,
  });
}
