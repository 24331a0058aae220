import { join } from 'node:path';
import { findMirror } from '../src/cluster/mirror.ts';
import { makePlace } from '../src/demo/place.ts';
import { SocleError } from '../src/kernel/errors.ts';
import { onFreshMachine } from './machine.ts';
import { interleaved, medianRatio, type Outcome, print, roundsOr, say } from './measure.ts';
import { domainsOfRoles } from './roles.ts';
import { byHand, type Ours, openMirror, socleUp, type Theirs } from './up-sides.ts';

const name = 'bench-up';

/**
 * A whole `socle up` of a bare host (network, K3s, the daemon) ÷ a shell script over SSH that installs the same packages
 * and the same K3s and waits for it. Each side has fresh machines of its own, one after the other. All that `up` does
 * besides, from the installation of Ansible to the firewall's trial, is in its time; so is the copying of K3s in both.
 */
export async function upPromise(): Promise<Outcome[]> {
  const stop = new AbortController();
  const end = () => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  try {
    const mirror = findMirror();
    const why = await whyNot(mirror, stop.signal);
    return [why === '' ? await compare(mirror ?? '', stop.signal) : { name: 'up', skipped: why }];
  } catch (error) {
    // The machines are gone by now.
    if (stop.signal.aborted) process.exit(130);
    throw error;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
  }
}

/** How a machine fails that cannot have throw-away machines. */
const unable: readonly string[] = ['not-root', 'tool-missing', 'sandbox-failed', 'command-failed'];

/** Why nothing can be compared here; empty when it can. A first machine shows it, and its image is made in nobody's time. */
async function whyNot(mirror: string | null, signal: AbortSignal): Promise<string> {
  if (mirror === null) return 'there is no artifact mirror with a K3s (SOCLE_MIRROR, ~/.cache/socle/mirror)';
  try {
    await onFreshMachine(name, signal, async () => {});
    return '';
  } catch (error) {
    if (error instanceof SocleError && unable.includes(error.code)) return error.message;
    throw error;
  }
}

async function compare(directory: string, signal: AbortSignal): Promise<Outcome> {
  const rounds = roundsOr(3);
  print(`up, ${rounds} rounds on fresh throw-away machines`);
  const mirror = await openMirror(directory);
  const ours: Ours[] = [];
  const theirs: Theirs[] = [];
  await using left = new AsyncDisposableStack();
  const place = left.adopt(await makePlace('socle-bench-'), (made) => made.remove());
  const side = (called: string) => join(place.directory, called);
  await interleaved(
    rounds,
    (round) =>
      onFreshMachine(name, signal, async (machine) => {
        ours.push(await socleUp({ machine, mirror, directory: side(`socle-${round}`), signal }));
      }),
    (round) =>
      onFreshMachine(name, signal, async (machine) => {
        const packages = ours[0]?.packages ?? [];
        theirs.push(await byHand({ machine, mirror, directory: side(`script-${round}`), signal }, packages));
      }),
  );
  return tell(ours, theirs);
}

async function tell(ours: readonly Ours[], theirs: readonly Theirs[]): Promise<Outcome> {
  const [first] = ours;
  const { roles = {}, only = [] } = first?.result.record ?? {};
  const totals = { ours: ours.map(({ total }) => total), theirs: theirs.map(({ total }) => total) };
  print(`  compared: all of socle up (${only.join(', ')}: hardened, with firewall, VPN and daemon), and a script that`);
  print('  installs its packages and K3s, waits for it and sets up nothing else');
  print(`    both install ${first?.packages.join(' ')}`);
  print(`    socle up besides ${first?.besides.join(' ')}`);
  say('socle up of a bare Debian', totals.ours);
  const inRun = ({ result }: Ours) => (result.record.seconds ?? Number.NaN) * 1_000;
  say(
    '  of it: Ansible, what is sent, the firewall’s trial',
    ours.map((one) => one.total - inRun(one)),
  );
  const domains = await domainsOfRoles();
  for (const role of Object.keys(roles)) {
    say(
      `  of it: ${domains[role]}, role ${role}`,
      ours.map(({ result }) => (result.record.roles[role] ?? Number.NaN) * 1_000),
    );
  }
  say('a shell script over SSH', totals.theirs);
  for (const part of Object.keys(theirs[0]?.parts ?? {})) {
    say(
      `  of it: ${part}`,
      theirs.map(({ parts }) => parts[part] ?? Number.NaN),
    );
  }
  return { name: 'up', ratio: medianRatio(totals.ours, totals.theirs), goal: 1.5 };
}
