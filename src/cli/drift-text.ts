import type { Deviation, Drift } from '../host/drift-report.ts';
import { exit } from '../kernel/errors.ts';
import { pairs } from './table.ts';

/** Each deviation: what and where, then what was expected and what was found. */
export function deviationsAsText(deviations: readonly Deviation[]): string {
  return deviations
    .map(({ role, what, where, expected, found }) => {
      const lines = pairs([
        ['  expected', expected],
        ['  found', found],
      ]);
      return `${what} ${where} (${role})\n${lines}`;
    })
    .join('\n');
}

export function driftAsText({ state, detail, report }: Drift): string {
  const parts = [`${state}: ${detail}`];
  if (report && report.deviations.length > 0) {
    parts.push(deviationsAsText(report.deviations), 'Next: `socle up` puts it right.');
  }
  return parts.join('\n\n');
}

/** A host that differs has a code of its own; one that nobody has looked at in time is as bad as any other overdue check. */
export function driftExit({ state }: Drift) {
  if (state === 'ok') return exit.ok;
  return state === 'drift' ? exit.drift : exit.notProven;
}
