import { flushCompileCache } from 'node:module';

/** One part of the daemon, and how it is ended. */
export interface Part {
  readonly name: string;
  readonly end: () => unknown;
}

/**
 * Ends all parts at once, and waits for them no longer than `ms`. What throws has ended, too.
 * @returns the names of those that had not ended by then
 */
export async function endWithin(ms: number, parts: readonly Part[]): Promise<string[]> {
  const open = new Set(parts.map(({ name }) => name));
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  const ends = parts.map(async ({ name, end }) => {
    await (async () => end())().catch(() => {});
    open.delete(name);
  });
  await Promise.race([Promise.all(ends), limit]);
  clearTimeout(timer);
  return [...open];
}

/**
 * Ends this process now. `process.exit` joins the threads that do Node's file operations and look names up; one that hangs,
 * such as on a network file system, would keep the process for ever. Another program in the place of this process ends
 * all threads.
 */
export function endProcess(code: number): never {
  flushCompileCache();
  process.execve?.('/bin/sh', ['sh', '-c', `exit ${code}`], {});
  process.exit(code);
}
