import { parseDuration } from '../kernel/units.ts';

/** Trying again does not help here; restic does for minutes all the same (a missing file, a full disk, no rights). */
const permanent =
  /no such file or directory|does not exist|no space left on device|disk quota exceeded|read-only file system|permission denied|operation not permitted|40[134] |Access ?Denied/i;

/** How often a permanent cause is met before it is believed: a server that restarts says many things. */
const believed = 2;

/**
 * Reads what restic says on standard error and decides when it should stop trying again. restic's own patience is
 * 15 minutes and does not know a missing file from a server that restarts.
 * @param patience milliseconds of waiting for one and the same request
 * @returns a function that takes a line, and tells whether restic should be stopped
 */
export function retryWatch(patience: number): (line: string) => boolean {
  const waited = new Map<string, { count: number; ms: number }>();
  return (line) => {
    const match = /(\w+\(.*?\)) returned error, retrying after ([\dhmsnuµ.]+):/.exec(line);
    if (!match) return false;
    const [, request = '', pause = ''] = match;
    const { count, ms } = waited.get(request) ?? { count: 0, ms: 0 };
    const now = { count: count + 1, ms: ms + (parseDuration(pause) ?? 0) };
    waited.set(request, now);
    return (permanent.test(line) && now.count >= believed) || now.ms > patience;
  };
}

/** restic's words for a person: without the stack traces that some versions add. */
export function withoutTraces(said: string): string {
  return said
    .split('\n')
    .map((line) => line.split('\u001b[2K').at(-1) ?? '')
    .filter((line) => !/^\s|^(github\.com|main\.|runtime\.|goroutine )|^$/.test(line))
    .join('\n');
}
