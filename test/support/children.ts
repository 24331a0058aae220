import { readdir, readFile } from 'node:fs/promises';

/** A process of this machine, as /proc tells. */
export interface SeenProcess {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** Arguments, with a space between. */
  readonly command: string;
  /** Variables; empty where they may not be read. */
  readonly environment: string;
}

/** Every process that this one started, and those that they started. */
export async function descendants(of = process.pid): Promise<SeenProcess[]> {
  const all = (await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(look))).filter(
    (one) => one !== null,
  );
  const found: SeenProcess[] = [];
  for (let parents = [of]; parents.length > 0; ) {
    const children = all.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map(({ pid }) => pid);
  }
  return found;
}

async function look(pid: string): Promise<SeenProcess | null> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const [stat, command, environment] = await Promise.all([read('stat'), read('cmdline'), read('environ')]);
  const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/s.exec(stat) ?? [];
  if (name === undefined) return null;
  return { pid: Number(pid), parent: Number(parent), name, command: command.replaceAll('\0', ' '), environment };
}
