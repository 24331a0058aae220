import { stat } from 'node:fs/promises';
import { basename } from 'node:path/posix';
import type { Artifact } from '../cluster/mirror.ts';
import { arrivals, destinationOf } from '../cluster/variables.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { execAsRoot, type SshTarget, sendAsRoot, type Way } from './ssh.ts';

/** A file of the operator's mirror. */
interface Local extends Artifact {
  readonly from: { readonly file: string };
}

const isLocal = (artifact: Artifact): artifact is Local => 'file' in artifact.from;

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
cat > "${arrivals}/.$2"
echo "$2  ${arrivals}/.$2" | sha256sum --check --status || exit ${wrongChecksum}
mv "${arrivals}/.$2" "${arrivals}/$2"`;

interface Deps {
  readonly target: SshTarget;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** Those that the host has not, by checksum; files of a release it gets by itself. */
export async function missingArtifacts(deps: Deps, way: Way, artifacts: readonly Artifact[]): Promise<Local[]> {
  const local = artifacts.filter(isLocal);
  if (local.length === 0) return [];
  const args = local.flatMap((artifact) => [artifact.sha256, destinationOf(artifact)]);
  const { target, signal } = deps;
  const { stdout } = await execAsRoot(target, way, lacking, { args, timeout: 120_000, signal });
  const missing = new Set(stdout.split('\n'));
  return local.filter(({ sha256 }) => missing.has(sha256));
}

/**
 * Sends files of the mirror to where the role looks for them.
 * @throws `checksum-mismatch` when one changed on the way; `host-unreachable`; what is there already is not sent again
 */
export async function uploadArtifacts(deps: Deps, way: Way, artifacts: readonly Local[]): Promise<void> {
  for (const { name, sha256, from } of artifacts) {
    const { size } = await stat(from.file);
    deps.progress.step(`sending ${basename(name)}`);
    const { exitCode } = await sendAsRoot(deps.target, way, `set -e\n${receive}`, {
      args: [sha256],
      file: from.file,
      accept: [0, wrongChecksum],
      sent: (bytes) => deps.progress.update(bytes, size, 'bytes'),
      signal: deps.signal,
    });
    if (exitCode === 0) continue;
    throw fail('checksum-mismatch', `what arrived on the host of ${from.file} has another SHA-256`, {
      file: from.file,
      next: 'run it again; if it happens twice, see whether the file changes while it is sent',
    });
  }
}

/** The role has put them in their places. */
export async function forgetArtifacts({ target, signal }: Deps, way: Way): Promise<void> {
  await execAsRoot(target, way, `rm -rf ${arrivals}`, { timeout: 60_000, signal });
}
