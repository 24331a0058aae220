import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { lastLines } from '../kernel/process.ts';
import type { Inventory } from './inventory-schema.ts';
import { makePlace, removePlace } from './scratch-place.ts';
import { type HostFacts, libraryName, type PreflightProblem } from './scratch-preflight.ts';
import { startInside } from './scratch-programs.ts';
import { searchDirectories } from './scratch-sight.ts';

const limits = { memory: 256 * 2 ** 20, file: 2 ** 20, processes: 64 };
const patience = 60_000;

/** Prints a line for each file that cannot be read, and for each library that one of them needs and that is not found. */
const look = `for file do
  [ -r "$file" ] || { echo "$file cannot be read"; continue; }
  case "$file" in *.so) ldd "$file" 2>&1 | sed -n "s|^[[:space:]]*\\([^ ]*\\) => not found|$file needs \\1, which is not found|p" ;; esac
done`;

/**
 * What a drill of this source will lack in its sandbox, found by looking from inside it: the files of its extensions and
 * of the libraries that it preloads. Without a sandbox, that is what is lacking.
 */
export async function lacking(
  { server }: Pick<Inventory, 'server'>,
  host: HostFacts,
  root: string,
  signal?: AbortSignal,
): Promise<PreflightProblem[]> {
  if (host.files === null) return [];
  const place = makePlace(root);
  const bound = AbortSignal.timeout(patience);
  try {
    const files = filesOf(server, host.files);
    const child = startInside(
      place,
      limits,
      ['sh', '-c', look, 'sh', ...files],
      { readable: [...host.sight, ...searchDirectories(server.settings)] },
      { signal: signal ? AbortSignal.any([signal, bound]) : bound },
    );
    const [said, errors, { exitCode, aborted }] = await Promise.all([
      child.stdout ? text(child.stdout) : '',
      child.stderr ? text(child.stderr) : '',
      child.ended,
    ]);
    signal?.throwIfAborted();
    if (aborted || exitCode !== 0) {
      const why =
        lastLines(errors, 2) || (aborted ? `no answer within ${patience / 1_000} s` : `it ended with ${exitCode}`);
      const next = 'install bubblewrap; run as root, or allow unprivileged user namespaces';
      return [{ code: 'sandbox-unavailable', message: `the scratch server cannot be fenced in: ${why}`, next }];
    }
    return [...new Set(said.split('\n').filter(Boolean))].map((line) => ({
      code: 'drill-environment',
      message: `in the sandbox of a drill ${line}`,
      next: `install the package that holds it, or put it where everybody may read it, below /usr or in a directory of ld.so.conf`,
    }));
  } finally {
    await removePlace(place.directory);
  }
}

function filesOf(server: Inventory['server'], { share, library }: NonNullable<HostFacts['files']>): string[] {
  const at = (name: string) => join(library, `${libraryName(name)}.so`);
  const controls = server.extensions.map(({ name }) => join(share, 'extension', `${name}.control`));
  return [...controls, ...controls.flatMap(moduleOf).map(at), ...server.preloadLibraries.map(at)];
}

/** The library that a control file names. https://www.postgresql.org/docs/current/extend-extensions.html */
function moduleOf(control: string): string[] {
  try {
    const name = /^\s*module_pathname\s*=\s*'\$libdir\/([^']+)'/m.exec(readFileSync(control, 'utf8'))?.[1];
    return name === undefined ? [] : [name];
  } catch {
    return [];
  }
}
