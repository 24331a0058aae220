import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { asSocleError, fail, type SocleError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { lastLines } from '../kernel/process.ts';
import type { Progress } from '../kernel/progress.ts';
import { bundle, type RunRequest } from './bundle.ts';
import { parseLine, type RunRecord, runRecord } from './records.ts';
import { execAsRoot, type SshTarget, sshFailure, startAsRoot, type Way } from './ssh.ts';

/** Python on the host: whose key logged in, by the journal; `connection` is that of sshd(8). */
export const keyOfLogin = `
import json, os, re, subprocess, sys
def key_of_login(connection):
    port = (connection.split() + ["-", "-"])[1]
    lines = subprocess.run(["journalctl", "-q", "-o", "cat", "--since", "-1d", "-g",
      f"^Accepted publickey for \\\\S+ from \\\\S+ port {port} ssh2"], capture_output=True, text=True).stdout
    prints = re.findall(r"SHA256:[A-Za-z0-9+/]{43}", lines)
    return prints[-1] if prints else None
`;

/** Unpacks the bundle from standard input into a directory that only root reads, and notes whose key logged in. */
export const unpack = `${keyOfLogin}
root = sys.argv[1]
files = json.load(sys.stdin)
request = json.loads(files["request.json"])
files["request.json"] = json.dumps({**request, "key": key_of_login(sys.argv[2])})
os.umask(0o077)
for name, text in files.items():
    path = os.path.join(root, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
os.chmod(os.path.join(root, "host/socle-run"), 0o700)
`;

const busyCode = 75;

/** systemd refuses a second unit of the same name: two runs at once are impossible, whoever starts them. */
const startScript = `umask 077
id=$2; bundles=/var/lib/socle/bundles
# Whoever starts a run does so alone: what follows may end the unit of one that is over.
mkdir -p -m 700 /run/socle
exec 9> /run/socle/start.lock
flock -w 60 9 || exit ${busyCode}
if systemctl is-active --quiet socle-run.service; then exit ${busyCode}; fi
mkdir -p "$bundles/$id"
python3 -c "$3" "$bundles/$id" "$1"
# A comparison changes nothing: it can end at any time.
systemctl stop socle-drift.service 2>/dev/null || true
systemctl reset-failed socle-run.service 2>/dev/null || true
# One that ended may still be loaded: with cgroup v1, nobody tells systemd that it has no process left.
# A daemon-reload alone was seen not to be enough, and neither was stopping it once.
tries=0
while
  [ "$(systemctl show -P LoadState socle-run.service)" = not-found ] || systemctl stop socle-run.service
  ! systemd-run --quiet --collect --unit=socle-run --description="Provisioning run $id" \\
    "$bundles/$id/host/socle-run" execute "$id" 2>/run/socle/start.failed
do
  tries=$((tries + 1))
  if systemctl is-active --quiet socle-run.service || [ "$tries" -gt 20 ]; then
    cat /run/socle/start.failed >&2
    rm -rf "$bundles/$id"
    systemctl is-active --quiet socle-run.service && exit ${busyCode}
    exit 1
  fi
  sleep 0.5
done
ln -sfn "$id" "$bundles/current"
kept=$(readlink "$bundles/kept" || true)
for old in "$bundles"/r-*; do
  case $old in "$bundles/$id" | "$bundles/$kept") ;; *) rm -rf "$old" ;; esac
done`;

export interface RunDeps {
  readonly target: SshTarget;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
  readonly clock?: Clock;
  /** How long a lost connection is tried again, in milliseconds. */
  readonly patience?: number;
}

/** Starts a run in a unit of its own and returns its id. @throws `busy` when one is under way */
export async function startRun(
  { target, signal, clock = systemClock }: RunDeps,
  way: Way,
  request: RunRequest,
  variables: Record<string, unknown>,
): Promise<string> {
  const id = newId('r', clock.now());
  const result = await execAsRoot(target, way, startScript, {
    args: [id, unpack],
    input: await bundle(request, variables),
    accept: [0, busyCode],
    timeout: 120_000,
    signal,
  });
  if (result.exitCode === 0) return id;
  throw fail('busy', 'another run is under way on this host', {
    next: '`socle runs list` shows it; try again once it has ended',
  });
}

/**
 * Follows a run to its end.
 * @throws `run-failed` with the tasks that failed; `host-unreachable` when the host stays away: the run goes on
 */
export async function followRun(deps: RunDeps, ways: readonly Way[], id: string): Promise<RunRecord> {
  const record = await followUnit(deps, ways, 'socle-run.service', id);
  if (record === null) throw fail('run-failed', `the run ${id} did not begin`);
  return finishedRun(record);
}

/**
 * Follows a run of a unit to its end. A lost connection does not matter to it: we come back, by any of the ways, where we
 * were. Null when it did not even begin.
 * @throws `host-unreachable` when the host stays away: the run goes on; `host-key-changed`, `host-denied` at once when
 *   no other way is left
 */
export async function followUnit(
  deps: RunDeps,
  ways: readonly Way[],
  unit: string,
  id: string,
): Promise<RunRecord | null> {
  const { progress, patience = 300_000 } = deps;
  let seen = 0;
  let role = '';
  let lost = performance.now();
  const refusals = new Map<Way, SocleError>();
  for (let attempt = 0; ; attempt += 1) {
    const way = ways[attempt % ways.length] as Way;
    const { cut, record, failure } = await followOnce(deps, way, [unit, id, String(seen)], (event) => {
      seen += 1;
      if (event.event === 'wait') progress.step(event.text ?? 'waiting');
      else if (event.role !== role && event.role !== '') progress.step(event.role);
      role = event.role === '' ? role : event.role;
      progress.update(seen);
    });
    if (record !== undefined) return record;
    if (cut) lost = performance.now();
    if (failure === undefined || cut) refusals.delete(way);
    else {
      if (refusals.get(way)?.code !== failure.code) progress.note(failure.message);
      refusals.set(way, failure);
      if (refusals.size === ways.length) throw failure;
    }
    if (performance.now() - lost > patience) {
      const [refused] = refusals.values();
      if (refused) throw refused;
      throw fail('host-unreachable', 'the connection was lost and did not come back; the run goes on without us', {
        next: 'see `socle runs list` once the host answers again',
      });
    }
    await sleep(1_000, undefined, { signal: deps.signal });
  }
}

/**
 * Notes in the record of a run what this machine changed by itself beside it: what it sent, and the firewall's trial.
 * @returns the record with it
 */
export async function noteChanges({ target, signal }: RunDeps, way: Way, id: string, changes: readonly string[]) {
  const script = 'shift; exec /var/lib/socle/bundles/current/host/socle-run changed "$@"';
  const { stdout } = await execAsRoot(target, way, script, { args: [id, ...changes], timeout: 60_000, signal });
  return runRecord.parse(JSON.parse(stdout));
}

/** What ssh ends with when it is not the command that ended. */
const lostCode = 255;

/** What waiting does not mend: who answers is another machine, or does not let us in. */
const refused = ['host-key-changed', 'host-denied'] as const;

type Heard = (event: NonNullable<ReturnType<typeof parseLine>['event']>) => void;

/**
 * One connection's worth: the record at the end, or none, whether it is a connection that was there and was lost, and
 * why the host refused one, where it did.
 */
async function followOnce(deps: RunDeps, way: Way, args: readonly string[], heard: Heard) {
  const script = 'echo; exec /var/lib/socle/bundles/current/host/socle-run follow "$2" "$3" "$4"';
  const child = startAsRoot(deps.target, way, script, args, deps.signal);
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr = lastLines(`${stderr}${chunk}`);
  });
  let reached = false;
  let torn: unknown;
  let record: RunRecord | null | undefined;
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) {
      reached = true;
      if (line === '') continue;
      try {
        const parsed = parseLine(line);
        if (parsed.event) heard(parsed.event);
        if (record === undefined) record = parsed.record;
      } catch (error) {
        torn ??= error;
      }
    }
  }
  const { aborted, exitCode } = await child.ended;
  if (aborted) throw asSocleError(deps.signal?.reason);
  const cut = reached && exitCode === lostCode;
  // Whoever comes back gets a line that the loss cut once more.
  if (torn !== undefined && !cut) throw torn;
  const failure = exitCode === lostCode && !cut ? sshFailure(deps.target, way, { exitCode, stderr, stdout: '' }) : null;
  const known = failure && refused.some((code) => code === failure.code) ? failure : undefined;
  return { cut, record, failure: known };
}

/** A task that failed, with what it said. */
export const failureOf = ({ role, task, message }: RunRecord['failed'][number]): string =>
  `${role === '' ? '' : `${role}: `}${task}\n${message ?? ''}`.trimEnd();

/** @throws `run-failed` for one that did not end well, with the tasks that failed */
export function finishedRun(record: RunRecord): RunRecord {
  if (record.status === 'done') return record;
  const failed = record.failed.map(failureOf);
  const what = record.status === 'interrupted' ? 'was interrupted' : 'failed';
  throw fail('run-failed', `the run ${record.id} ${what}`, { run: record.id, output: failed.join('\n') });
}
