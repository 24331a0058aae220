import { readlinkSync } from 'node:fs';
import { run, type StartedProcess, start } from '../../src/kernel/process.ts';
import { until } from './until.ts';

/** A network namespace with nothing in it but `lo`; it ends with the process that holds it. */
export interface Namespace {
  readonly pid: number;
  /** Runs a program inside; what it prints. */
  exec(file: string, args: readonly string[], input?: string): Promise<string>;
  /** Starts one that goes on, until the namespace is left. */
  keep(file: string, args: readonly string[]): StartedProcess;
  leave(): Promise<void>;
}

export async function newNamespace(): Promise<Namespace> {
  const holder = start('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', 'sleep', 'infinity']);
  const { pid } = holder;
  if (pid === undefined) throw new Error('setpriv is missing');
  const namespaceOf = (process: number | 'self') => readlinkSync(`/proc/${process}/ns/net`);
  await until('a namespace of its own', () => namespaceOf(pid) !== namespaceOf('self'));
  const kept: StartedProcess[] = [holder];
  const inside = [`--net=/proc/${pid}/ns/net`, '--'];
  const space: Namespace = {
    pid,
    exec: async (file, args, input) => (await run('nsenter', [...inside, file, ...args], { input })).stdout,
    keep(file, args) {
      const child = start('nsenter', [...inside, file, ...args]);
      kept.push(child);
      return child;
    },
    async leave() {
      for (const child of kept) child.kill('SIGKILL');
      await Promise.all(kept.map((child) => child.ended));
    },
  };
  await space.exec('ip', ['link', 'set', 'lo', 'up']);
  return space;
}
