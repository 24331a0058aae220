import { stat } from 'node:fs/promises';
import type { Artifact } from '../cluster/mirror.ts';
import { arrivals, destinationOf } from '../cluster/variables.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { execAsRoot, type SshTarget, sendAsRoot, type Way } from './ssh.ts';

/** A file of this machine that the host gets, unless it has it. */
export interface Parcel {
  readonly name: string;
  readonly sha256: string;
  readonly file: string;
  /** Where the role puts it. */
  readonly destination: string;
  /** Whether it is worth compressing on the way. */
  readonly compressed: boolean;
}

/** Files of the operator's mirror; those of a release of K3s the host gets by itself. */
export function mirrorParcels(artifacts: readonly Artifact[]): Parcel[] {
  return artifacts.flatMap((artifact) => {
    const { name, sha256, from } = artifact;
    return 'file' in from
      ? [{ name, sha256, file: from.file, destination: destinationOf(artifact), compressed: false }]
      : [];
  });
}

/** Prints the checksums that neither the place of the file has, nor what waits to be put there. */
const lacking = `shift
has() { echo "$1  $2" | sha256sum --check --status 2>/dev/null; }
while [ $# -gt 1 ]; do
  has "$1" "$2" || has "$1" "${arrivals}/$1" || echo "$1"
  shift 2
done`;

const wrongChecksum = 65;

/** A file counts once it is whole: it gets its name last. */
const receive = `umask 077
mkdir -p ${arrivals}
$3 > "${arrivals}/.$2"
echo "$2  ${arrivals}/.$2" | sha256sum --check --status || exit ${wrongChecksum}
mv "${arrivals}/.$2" "${arrivals}/$2"`;

interface Deps {
  readonly target: SshTarget;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** Those that the host has not, by checksum. */
export async function missingParcels(deps: Deps, way: Way, parcels: readonly Parcel[]): Promise<Parcel[]> {
  if (parcels.length === 0) return [];
  const args = parcels.flatMap(({ sha256, destination }) => [sha256, destination]);
  const { target, signal } = deps;
  const { stdout } = await execAsRoot(target, way, lacking, { args, timeout: 120_000, signal });
  const missing = new Set(stdout.split('\n'));
  return parcels.filter(({ sha256 }) => missing.has(sha256));
}

/**
 * Sends files to where the roles look for them.
 * @throws `checksum-mismatch` when one changed on the way; `host-unreachable`; what is there already is not sent again
 */
export async function sendParcels(deps: Deps, way: Way, parcels: readonly Parcel[]): Promise<void> {
  for (const { name, sha256, file, compressed } of parcels) {
    const { size } = await stat(file);
    deps.progress.step(`sending ${name.replace(/^.*\//, '')}`);
    const { exitCode } = await sendAsRoot(deps.target, way, `set -e\n${receive}`, {
      args: [sha256, compressed ? 'gunzip' : 'cat'],
      file,
      compressed,
      accept: [0, wrongChecksum],
      sent: (bytes) => deps.progress.update(bytes, size, 'bytes'),
      signal: deps.signal,
    });
    if (exitCode === 0) continue;
    throw fail('checksum-mismatch', `what arrived on the host of ${file} has another SHA-256`, {
      file,
      next: 'run it again; if it happens twice, see whether the file changes while it is sent',
    });
  }
}
