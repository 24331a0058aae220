import type { VaultDeps } from '../backup/deps.ts';
import { lock } from '../cluster/lock.ts';
import { stepBetween } from '../cluster/versions.ts';
import { recordOperation } from '../governance/operations.ts';
import type { Connection } from '../host/connect.ts';
import { execAsRoot, sendAsRoot } from '../host/ssh.ts';
import { fail, SocleError } from '../kernel/errors.ts';
import { type FoundCopy, findCopy } from './list.ts';
import type { DatastoreManifest } from './schema.ts';
import { datastoreProgram } from './ssh-source.ts';

export interface RestoreRequest {
  readonly node: string;
  /** The platform file vouches for a mirror of its own: which K3s that is, only the host will know. */
  readonly ownMirror: boolean;
  /** Which copy; undefined means the newest. */
  readonly copy: string | undefined;
  /** Put it in the place of a datastore that is there. */
  readonly replace: boolean;
  readonly actor: string;
}

export interface RestoredDatastore {
  readonly manifest: DatastoreManifest;
  /** K3s was there, and runs again. */
  readonly started: boolean;
}

const mismatch = 65;
const refused = 4;

/** K3s is stopped only for a replacement, and runs again whatever became of that. Pods outlive it. */
const script = `program=$2; shift 2
unit=/etc/systemd/system/k3s.service
if [ "\${4:-}" = replace ] && [ -e $unit ]; then
  trap 'systemctl start --no-block k3s' EXIT
  systemctl stop k3s
fi
python3 -c "$program" put "$@" >&2`;

/**
 * Brings a copy from the vault to the host, before K3s starts there for the first time, or with `replace` in the place of
 * what it has. The copy is checked as a whole on the host before anything is changed.
 * @throws `no-backup`, `not-found`, `cluster-fixed` for another node, `k3s-version` when K3s would be older than the copy,
 *   `target-not-empty`, `copy-incomplete`, `vault-…`, `host-…`
 */
export async function restoreDatastore(
  request: RestoreRequest,
  connection: Connection,
  deps: Pick<VaultDeps, 'db' | 'clock' | 'vault' | 'progress' | 'signal'>,
): Promise<RestoredDatastore> {
  const { db, clock, vault, progress, signal } = deps;
  progress.step('looking for the copy in the vault');
  const found = await findCopy(vault, request.copy, signal);
  const { manifest } = found;
  const operation = { action: 'cluster.restore', actor: request.actor, subject: manifest.id };
  return recordOperation(db, clock, operation, async () => {
    if (manifest.node !== request.node) {
      throw fail(
        'cluster-fixed',
        `the copy is of the node ${manifest.node}, and the platform file names ${request.node}`,
        {
          next: 'set `cluster.node_name` to the name of the copy: volumes and the node’s password hang on it',
        },
      );
    }
    const installed = await installedVersion(connection);
    requireNotOlder(manifest, installed ?? (request.ownMirror ? undefined : lock.k3s.version));
    progress.step(`putting the copy ${manifest.id} on the host`);
    await send(found, request.replace, connection, deps);
    return { manifest, started: request.replace && installed !== undefined };
  });
}

async function installedVersion({ target, way, signal }: Connection): Promise<string | undefined> {
  const look = 'test ! -x /usr/local/bin/k3s || /usr/local/bin/k3s --version';
  const { stdout } = await execAsRoot(target, way, look, { timeout: 60_000, signal });
  return stdout.split(' ')[2];
}

function requireNotOlder({ k3s, id }: DatastoreManifest, version: string | undefined): void {
  if (version === undefined) return;
  const step = stepBetween(k3s, version);
  if (step === 'same' || step === 'up') return;
  const why = step === 'down' ? 'is older' : 'skips a minor';
  throw fail('k3s-version', `the copy ${id} was written by ${k3s}, and the K3s that would read it, ${version}, ${why}`);
}

async function send(
  { manifest, data }: FoundCopy,
  replace: boolean,
  { target, way }: Connection,
  { vault, progress, signal }: Pick<VaultDeps, 'vault' | 'progress' | 'signal'>,
): Promise<void> {
  const { bytes, sha256, node } = manifest;
  const source = vault.read(data.snapshot, data.paths[0] ?? '', signal);
  let unread: Error | undefined;
  source.once('error', (error) => {
    unread = error;
  });
  const result = await sendAsRoot(target, way, script, {
    args: [await datastoreProgram(), String(bytes), sha256, node, ...(replace ? ['replace'] : [])],
    file: source,
    accept: [0, mismatch, refused],
    sent: (count) => progress.update(count, bytes, 'bytes'),
    signal,
  });
  if (unread instanceof SocleError) throw unread;
  if (result.exitCode === mismatch) throw fail('copy-incomplete', result.stderr);
  if (result.exitCode === refused) {
    throw fail('target-not-empty', `${target.platform}: ${result.stderr}`, {
      next: 'add --replace to put the copy in its place: what is there moves to /var/lib/rancher/k3s/server/replaced',
    });
  }
}
