import { createInterface } from 'node:readline';
import { fail } from '../kernel/errors.ts';
import { lastLines } from '../kernel/process.ts';
import type { RunDeps } from './run.ts';
import { sshFailure, startAsRoot, type Way } from './ssh.ts';

/** The right to send things to a host: one operator has it at a time. */
export interface HostLock extends AsyncDisposable {
  /** @throws `host-unreachable` when the connection that holds it was lost */
  requireHeld(): void;
}

const busyCode = 75;

/** Seconds after which the host gives the lock to others, when it hears nothing of who holds it. */
const lease = 30;

/**
 * flock(1) on a file of the host, held by an SSH session for as long as we write a line now and then: a laptop that is
 * closed, or killed, holds it 30 s longer at most.
 */
const script = `umask 077
mkdir -p -m 700 "$2"
exec 9>> "$2/operator.lock"
if ! flock -n 9; then
  heard=$(stat -c %Y "$2/operator" 2>/dev/null || echo 0)
  # Whose connection is gone gives it back by itself, soon.
  wait=3; [ $(($(date +%s) - heard)) -lt 12 ] || wait=${lease + 10}
  if ! flock -w $wait 9; then cat "$2/operator" >&2; exit ${busyCode}; fi
fi
if systemctl is-active --quiet socle-run.service; then echo 'a run is under way' >&2; exit ${busyCode}; fi
printf '%s, since %s\\n' "$3" "$(date -u +%FT%TZ)" > "$2/operator"
echo held
exec bash -c 'while IFS= read -r -t ${lease} _; do touch "$0"; done' "$2/operator"`;

/**
 * Takes the host for what goes on before and after a run: artifacts, the release, secrets. A run has a lock of its own.
 * @param actor shown to who comes second
 * @param place directory of the lock on the host
 * @throws `busy`, naming who holds it; and as `execAsRoot` does
 */
export async function lockHost(deps: RunDeps, way: Way, actor: string, place = '/run/socle'): Promise<HostLock> {
  const child = startAsRoot(deps.target, way, script, [place, actor], deps.signal, ['pipe', 'pipe', 'pipe']);
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr = lastLines(`${stderr}${chunk}`);
  });
  child.stdin?.on('error', () => {});
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [first] = (await Promise.race([
    lines[Symbol.asyncIterator]()
      .next()
      .then(({ value }) => [value]),
    child.ended.then(() => []),
  ])) as string[];
  if (first !== 'held') {
    const { exitCode } = await child.ended;
    deps.signal?.throwIfAborted();
    if (exitCode !== busyCode) throw sshFailure(deps.target, way, { exitCode, stderr, stdout: '' });
    throw fail('busy', `somebody else is provisioning this host: ${stderr.trim() || 'unknown'}`, {
      next: 'wait for it: `socle runs list` shows what runs; then run the command again',
    });
  }
  let held = true;
  void child.ended.then(() => {
    held = false;
  });
  const pulse = setInterval(() => child.stdin?.write('\n'), (lease * 1_000) / 6);
  pulse.unref();
  return {
    requireHeld() {
      if (held) return;
      throw fail('host-unreachable', 'the connection that holds the host for this command was lost', {
        output: lastLines(stderr, 4),
        next: 'run the command again: nothing was started, and what was sent is not sent again',
      });
    },
    async [Symbol.asyncDispose]() {
      clearInterval(pulse);
      child.stdin?.end();
      await child.ended;
    },
  };
}
