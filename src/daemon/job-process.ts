import { exit } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { lastLines, type StartedProcess, start } from '../kernel/process.ts';
import { program } from '../kernel/program.ts';
import { type CommandEnd, drillByUnit } from './drill-unit.ts';
import type { Step } from './jobs.ts';

/** How one step, or a whole job, ended. `deferred`: the same work was already running elsewhere. */
export interface JobResult {
  readonly state: 'ok' | 'failed' | 'interrupted' | 'deferred';
  /** One sentence; null when all went well. With `ok`: what followed the work, and failed. */
  readonly detail: string | null;
}

export interface JobContext {
  readonly configFile: string;
  /** Ends the job: SIGTERM, and after `graceMs` SIGKILL for it and all that it started. */
  readonly signal: AbortSignal;
  readonly graceMs: number;
  /** At level `debug` it gets what a step that failed printed. */
  readonly log?: Log;
}

const tailBytes = 64 * 1024;

/** No backup or drill is worth waiting for longer than this: the queue behind it has to move. */
const limitMs = 24 * 3_600_000;

function tailOf(stream: StartedProcess['stdout']): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    text = (text + chunk).slice(-tailBytes);
  });
  return () => text;
}

/** What a failed command said: its failure document on either stream, else its last lines. */
function reasonOf(step: Step, stdout: string, stderr: string, exitCode: number): string {
  if (exitCode === exit.notProven && step.refuted) return step.refuted;
  if (exitCode === exit.notTested) return 'it could not be tested; `socle drill show` says why';
  for (const text of [stdout, stderr]) {
    for (const candidate of [text, text.trimEnd().split('\n').at(-1) ?? '']) {
      try {
        const document = JSON.parse(candidate) as Record<string, unknown>;
        const failure = (document.error ?? document.failure ?? document) as Record<string, unknown>;
        for (const key of ['message', 'detail', 'title']) if (typeof failure[key] === 'string') return failure[key];
      } catch {}
    }
  }
  return lastLines(stderr, 3) || `it ended with ${exitCode}`;
}

/**
 * Runs one step as a process of its own: what it does to memory, and how it dies, is not the daemon's. The kernel ends
 * it when the daemon dies (`setpriv --pdeathsig`): no backup goes on that nobody watches.
 */
async function runCommand(step: Step, context: JobContext): Promise<CommandEnd> {
  const child = start(
    'setpriv',
    ['--pdeathsig', 'TERM', '--', program, ...step.args, '--json', '--config', context.configFile],
    {
      env: {
        SOCLE_ACTOR: 'scheduler',
        SOCLE_LOG: process.env.SOCLE_LOG,
        XDG_STATE_HOME: process.env.XDG_STATE_HOME,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        CREDENTIALS_DIRECTORY: process.env.CREDENTIALS_DIRECTORY,
      },
      timeout: limitMs,
      // A group of its own: what it started (restic, pg_dump) is killed with it.
      detached: true,
    },
  );
  const killAll = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The last of them has just ended.
    }
  };
  const [stdout, stderr] = [tailOf(child.stdout), tailOf(child.stderr)];
  let killer: NodeJS.Timeout | undefined;
  const end = () => {
    child.kill('SIGTERM');
    killer = setTimeout(killAll, context.graceMs);
  };
  if (context.signal.aborted) end();
  context.signal.addEventListener('abort', end, { once: true });
  const ended = await child.ended;
  context.signal.removeEventListener('abort', end);
  clearTimeout(killer);
  // Also where it ended by itself in time, and left something behind.
  if (context.signal.aborted) killAll();
  return { exitCode: ended.exitCode, stdout: stdout(), stderr: stderr() };
}

/** Runs one step: by a unit of its own where the host has one for it, else as a process of ours. */
async function runStep(step: Step, context: JobContext): Promise<JobResult> {
  const { SOCLE_DRILL_SOCKET: socket } = process.env;
  const ended =
    step.drills !== undefined && socket
      ? await drillByUnit(socket, step.drills, context.signal).catch(asFailure)
      : await runCommand(step, context);
  if (ended.exitCode === exit.ok) return { state: 'ok', detail: null };
  if (context.signal.aborted) return { state: 'interrupted', detail: 'Socle was stopped while it was running' };
  context.log?.debug({ step: step.name, exitCode: ended.exitCode, stderr: ended.stderr }, 'a step of a job failed');
  const detail = `${step.name}: ${reasonOf(step, ended.stdout, ended.stderr, ended.exitCode)}`;
  if (ended.exitCode === exit.locked) return { state: 'deferred', detail };
  return { state: ended.exitCode === exit.interrupted ? 'interrupted' : 'failed', detail };
}

const asFailure = (error: Error): CommandEnd => ({ exitCode: exit.unavailable, stdout: '', stderr: error.message });

/**
 * Runs steps in order until one does not end well. What follows the work itself is not the work: when such a step fails,
 * the job is `ok`, and says which step failed and why.
 */
export async function runSteps(steps: readonly Step[], context: JobContext): Promise<JobResult> {
  for (const step of steps) {
    const result = await runStep(step, context);
    if (result.state === 'ok') continue;
    if (!step.followUp || result.state === 'interrupted') return result;
    return { state: 'ok', detail: `the work is done; a step after it failed: ${result.detail}` };
  }
  return { state: 'ok', detail: null };
}
