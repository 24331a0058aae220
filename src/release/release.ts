import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { fail } from '../kernel/errors.ts';
import { isRelease, ownFile } from '../kernel/place.ts';
import { socleVersion } from '../kernel/version.ts';

/** As Node names them. */
export type Architecture = 'x64' | 'arm64';

/** Everything that runs Socle on a machine without Node. */
export interface Release {
  /** The version and the first 12 digits of the SHA-256 of `SHA256SUMS`, which vouches for every file. */
  readonly id: string;
  /** Texts by path; `SHA256SUMS` is one of them. */
  readonly files: Readonly<Record<string, string>>;
  /** Goes to `bin/node`. */
  readonly node: { readonly file: string; readonly sha256: string };
}

/** @throws `release-incomplete` when there is no Node for that architecture here */
export async function makeRelease(architecture: Architecture): Promise<Release> {
  const node = await pinnedNode(architecture);
  const texts = isRelease ? await ownTexts() : await (await import('./build.ts')).buildTexts();
  const sums = [
    ...Object.entries(texts).map(([path, text]) => [path, sha256(text)] as const),
    ['bin/node', node.sha256] as const,
  ]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, sum]) => `${sum}  ${path}\n`)
    .join('');
  return { id: `${socleVersion}-${sha256(sums).slice(0, 12)}`, files: { ...texts, SHA256SUMS: sums }, node };
}

/** A release sends itself: what its list names. */
async function ownTexts(): Promise<Record<string, string>> {
  const sums = await readFile(ownFile('SHA256SUMS'), 'utf8');
  const paths = sums.split('\n').flatMap((line) => line.slice(66) || []);
  const texts = paths
    .filter((path) => path !== 'bin/node')
    .map(async (path) => [path, await readFile(ownFile(path), 'utf8')]);
  return Object.fromEntries(await Promise.all(texts)) as Record<string, string>;
}

async function pinnedNode(architecture: Architecture): Promise<Release['node']> {
  const own = architecture === process.arch;
  const file = isRelease && own ? ownFile('bin/node') : ownFile(`node_modules/node-linux-${architecture}/bin/node`);
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const name = `node-linux-${architecture}@${process.versions.node}`;
    throw fail('release-incomplete', `the Node for a host of the architecture ${architecture} is not here (${code})`, {
      file,
      next: isRelease
        ? 'provision this host from a checkout of Socle'
        : `npm install --prefix ${ownFile('')} --no-save --ignore-scripts --force ${name}`,
    });
  }
  return { file, sha256: hash.digest('hex') };
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
