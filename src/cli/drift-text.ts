import type { Deviation, Drift } from '../host/drift-report.ts';
import { exit } from '../kernel/errors.ts';
import { pairs } from './table.ts';

/** Each deviation: what and where, then what was expected and what was found. */
export function deviationsAsText(deviations: readonly Deviation[]): string {
  return deviations
    .map(({ role, what, where, expected, found, foreign }) => {
      const lines = pairs([
        ['  expected', expected],
        ['  found', found],
      ]);
      return `${what} ${where} (${foreign ? 'not Socle’s' : role})\n${lines}`;
    })
    .join('\n');
}

export function driftAsText({ state, detail, report }: Drift): string {
  const parts = [`${state}: ${detail}`];
  if (report && report.deviations.length > 0) {
    parts.push(deviationsAsText(report.deviations), nextOf(report.deviations));
  }
  return parts.join('\n\n');
}

/** What to do about what Socle neither made nor removes. */
export const foreignNext =
  'remove it on the host, or accept it: `host.ssh_keys` for a key, `host.known_files` for a file, then `socle up`';

function nextOf(deviations: readonly Deviation[]): string {
  const foreign = deviations.filter((one) => one.foreign);
  const lines = [
    ...(foreign.length < deviations.length ? ['Next: `socle up` puts it right.'] : []),
    ...(foreign.length > 0 ? [`What is not Socle’s stays, and wins over it: ${foreignNext}.`] : []),
  ];
  return lines.join('\n');
}

/** A host that differs has a code of its own; one that nobody has looked at in time is as bad as any other overdue check. */
export function driftExit({ state }: Drift) {
  if (state === 'ok') return exit.ok;
  return state === 'drift' ? exit.drift : exit.notProven;
}
