import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { type Architecture, makeRelease, sha256 } from '../release/release.ts';
import type { Parcel } from './artifacts.ts';

/** A release on its way to a host: the document that holds its files, and its Node. */
export interface PackedRelease extends AsyncDisposable {
  readonly id: string;
  /** SHA-256 of either. */
  readonly files: string;
  readonly node: string;
  readonly parcels: readonly Parcel[];
}

const architectures: Readonly<Record<string, Architecture>> = { x86_64: 'x64', aarch64: 'arm64' };

/**
 * The release of this Socle for a host. Both parts are texts and programs that shrink to a third when they are sent.
 * @param machine as `uname -m` prints it there
 * @throws `host-unsupported`, `release-incomplete`
 */
export async function packRelease(machine: string): Promise<PackedRelease> {
  const architecture = architectures[machine];
  if (!architecture) throw fail('host-unsupported', `the host is ${machine}, and Socle runs on x86_64 and aarch64`);
  const { id, files, node } = await makeRelease(architecture);
  const document = JSON.stringify(files);
  const directory = await mkdtemp(join(tmpdir(), 'socle-release-'));
  const file = join(directory, 'release.json');
  await writeFile(file, document);
  const sum = sha256(document);
  const place = (name: string, sha: string, from: string, destination: string): Parcel => ({
    name,
    sha256: sha,
    file: from,
    destination,
    compressed: true,
  });
  return {
    id,
    files: sum,
    node: node.sha256,
    parcels: [
      place(`socle ${id}`, sum, file, `/opt/socle/releases/${id}/release.json`),
      place(`node ${process.versions.node}`, node.sha256, node.file, `/opt/socle/node/${node.sha256}`),
    ],
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
