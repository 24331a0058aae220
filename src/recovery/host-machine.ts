import type { Connection } from '../host/connect.ts';
import { execAsRoot } from '../host/ssh.ts';
import { exit, type FailureCode, fail, failures } from '../kernel/errors.ts';
import type { Platform } from '../platform/schema.ts';
import type { Ask } from './exchange.ts';
import type { Granted, KitMachine, Opened, Witnessed } from './machine.ts';
import type { KitStatus } from './store.ts';

const noDaemon = 69;

/** Its answer, or its failure, is one JSON document. */
const script = `PATH=$PATH:/usr/local/bin
command -v socle >/dev/null || exit ${noDaemon}
exec socle kit host --json`;

/** Prints a JSON object of the contents of files, by path; of those that are there. */
const readScript = `import json, os, sys
found = {}
for path in json.load(sys.stdin):
    try:
        with open(path, encoding="utf-8") as file:
            found[path] = file.read()
    except (OSError, UnicodeDecodeError):
        pass
print(json.dumps(found))`;

/** Milliseconds: each vault is opened, a few seconds at a time, and one far away takes longer. */
const patience = 300_000;

/** The host of the platform, over SSH. @param platform as its own platform file says it */
export function hostMachine(connection: Connection, platform: Platform): KitMachine {
  const { target, way, signal } = connection;
  const ask = async <T>(question: Ask): Promise<T> => {
    const { exitCode, stdout, stderr } = await execAsRoot(target, way, script, {
      input: JSON.stringify(question),
      accept: [...Object.values(exit), noDaemon],
      timeout: patience,
      signal,
    });
    if (exitCode === 0) return JSON.parse(stdout) as T;
    throw failureOf(way.address, exitCode, stdout, stderr);
  };
  return {
    host: way.address,
    platform,
    grant: (id, password) => ask<Granted[]>({ ask: 'grant', id, password: password.reveal() }),
    takeBack: (id) => ask<string[]>({ ask: 'take-back', id }),
    witness: () => ask<Witnessed[]>({ ask: 'witness' }),
    open: (index, password) => ask<Opened>({ ask: 'open', index, password: password.reveal() }),
    async note(kit, confirmedAt) {
      await ask({ ask: 'note', kit, confirmedAt: confirmedAt?.toISOString() ?? null });
    },
    status: () => ask<KitStatus>({ ask: 'status' }),
    async read(paths) {
      const input = JSON.stringify(paths);
      const args = [readScript];
      const { stdout } = await execAsRoot(target, way, 'exec python3 -c "$2"', {
        args,
        input,
        timeout: 60_000,
        signal,
      });
      return new Map(Object.entries(JSON.parse(stdout) as Record<string, string>));
    },
  };
}

/** What the host's Socle said, as a failure of ours. */
function failureOf(address: string, exitCode: number, stdout: string, stderr: string) {
  const said = documentIn(stdout);
  if (said !== undefined) {
    const { code, message, next, details } = said.error;
    if (code in failures) return fail(code as FailureCode, `on the host ${address}: ${message}`, { ...details, next });
  }
  if (exitCode === noDaemon) {
    return fail('domain-needs-another', `there is no Socle on the host ${address} yet, and it has the vault`, {
      next: 'run `socle up` first',
    });
  }
  return fail('command-failed', `the Socle on the host ${address} did not answer`, {
    exitCode,
    output: (stderr || stdout).slice(-2_000),
    next: 'bring it to this version with `socle up`, then run the command again',
  });
}

interface FailureDocument {
  readonly error: { code: string; message: string; next: string; details: Record<string, unknown> };
}

function documentIn(stdout: string): FailureDocument | undefined {
  try {
    const parsed = JSON.parse(stdout) as Partial<FailureDocument>;
    return parsed.error === undefined ? undefined : (parsed as FailureDocument);
  } catch {
    return undefined;
  }
}
