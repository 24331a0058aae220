import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, type RunResult, run, start } from '../../src/kernel/process.ts';
import { program } from '../../src/kernel/program.ts';

/** A platform file in a directory of its own, and the real command line to use it with. */
export interface DaemonBench {
  readonly directory: string;
  readonly config: string;
  readonly stateFile: string;
  socle(...args: readonly string[]): Promise<RunResult>;
  /** Starts `socle serve`; resolves once it answers. Rejects with its log when it ends before. */
  serve(env?: Record<string, string>): Promise<RunningDaemon>;
  dispose(): void;
}

export interface RunningDaemon {
  readonly pid: number;
  readonly url: string;
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  log(): string;
  get(path: string): Promise<{ status: number; body: string; json: <T>() => T }>;
  /** Peak resident memory so far, bytes. */
  peakMemory(): number;
}

/** @param sections of the platform file, beside its name and an `ops` section with a state directory and a free port */
export function makeDaemonBench(sections: (directory: string) => Record<string, unknown>): DaemonBench {
  const directory = mkdtempSync(join(tmpdir(), 'socle-daemon-'));
  const config = join(directory, 'platform.yaml');
  const state = join(directory, 'state');
  writeFileSync(join(directory, 'key'), 'vault-password\n', { mode: 0o600 });
  const { ops, ...rest } = sections(directory);
  const platform = { name: 'bench', environment: 'dev', timezone: 'Europe/Paris', ...rest };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ ...platform, ops: { state, listen: { port: 0 }, ...(ops as object) } }));
  return {
    directory,
    config,
    stateFile: join(state, 'socle.db'),
    socle: (...args) => run(program, [...args, '--config', config]),
    serve: (env = {}) => startDaemon(config, env),
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
}

async function startDaemon(config: string, env: Record<string, string>): Promise<RunningDaemon> {
  const child = start(program, ['serve', '--config', config], { env });
  let log = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
      const found = /"url":"([^"]+)".*"msg":"Socle is watching"/.exec(log)?.[1];
      if (found) resolve(found);
    });
    void child.ended.then(({ exitCode }) => reject(new Error(`socle serve ended with ${exitCode}:\n${log}`)));
  });
  const pid = child.pid as number;
  return {
    pid,
    url,
    ended: child.ended,
    kill: (signal) => child.kill(signal),
    log: () => log,
    get: (path) => get(url + path),
    peakMemory: () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024,
  };
}

function get(url: string): ReturnType<RunningDaemon['get']> {
  return new Promise((resolve, reject) => {
    httpGet(url, { agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, json: () => JSON.parse(body) }));
    }).on('error', reject);
  });
}
