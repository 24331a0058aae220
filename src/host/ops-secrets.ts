import { readFile } from 'node:fs/promises';
import { fail } from '../kernel/errors.ts';
import { readSecret } from '../kernel/secret.ts';
import { hostSecrets } from '../platform/paths.ts';
import type { HostPlatform, SentSecret } from './ops-platform.ts';
import { execAsRoot, type SshTarget, type Way } from './ssh.ts';

/**
 * Reads a JSON document of values by name from standard input, and names on the second line those that the host has to
 * have by itself. Prints one JSON document; `write` makes it so. Files of mode 0600 in a directory of mode 0700.
 */
const program = `
import json, os, sys
mode, place = sys.argv[1], sys.argv[2]
wanted = json.load(sys.stdin)
values, own = wanted["values"], wanted["own"]
index = os.path.join(place, ".sent")
def read(name):
    try:
        with open(os.path.join(place, name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None
def private(name):
    state = os.stat(os.path.join(place, name))
    return state.st_uid == 0 and state.st_mode & 0o777 == 0o600
changed = [name for name, value in values.items() if read(name) != value or not private(name)]
before = json.loads(read(".sent") or "[]")
gone = [name for name in before if name not in values and name not in own and read(name) is not None]
missing = [name for name in own if read(name) is None]
if mode == "write" and not missing:
    os.umask(0o077)
    os.makedirs(place, exist_ok=True)
    os.chmod(place, 0o700)
    for name in changed:
        new = os.path.join(place, f".{name}.new")
        with open(new, "w", encoding="utf-8") as file:
            file.write(values[name])
            file.flush()
            os.fsync(file.fileno())
        os.chmod(new, 0o600)
        os.replace(new, os.path.join(place, name))
    for name in gone:
        os.remove(os.path.join(place, name))
    if sorted(values) != sorted(before):
        with open(index + ".new", "w", encoding="utf-8") as file:
            json.dump(sorted(values), file)
        os.replace(index + ".new", index)
print(json.dumps({"changed": changed + gone, "missing": missing}))
`;

/** The values that the host gets. @throws `secret-unreadable` */
export async function resolveSecrets(
  sent: readonly SentSecret[],
  signal?: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const { name, source } of sent) {
    if (!('whole' in source)) {
      values[name] = `${(await readSecret(source, signal)).reveal()}\n`;
      continue;
    }
    values[name] = await readFile(source.whole, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw fail('secret-unreadable', `${source.whole} could not be read (${error.code})`, { source: source.whole });
    });
  }
  return values;
}

/**
 * Brings secrets to the host, or tells which ones it has not: over standard input only, never through the variables, the
 * arguments or the records of a run.
 * @returns the names of those that were, or would be, written or removed
 * @throws `secret-missing-on-host`
 */
export async function settleSecrets(
  { target, signal }: { readonly target: SshTarget; readonly signal: AbortSignal | undefined },
  way: Way,
  { own }: Pick<HostPlatform, 'own'>,
  values: Readonly<Record<string, string>>,
  mode: 'compare' | 'write',
): Promise<string[]> {
  const { stdout } = await execAsRoot(target, way, 'exec python3 -c "$2" "$3" "$4"', {
    args: [program, mode, hostSecrets],
    input: JSON.stringify({ values, own }),
    timeout: 60_000,
    signal,
  });
  const { changed, missing } = JSON.parse(stdout) as { changed: string[]; missing: string[] };
  if (missing.length === 0) return changed;
  throw fail('secret-missing-on-host', `the host has no ${missing.map((name) => `${hostSecrets}/${name}`).join(', ')}`);
}
