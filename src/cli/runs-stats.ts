import { readRecords } from '../host/records.ts';
import { type Repeats, repeats } from '../host/repeats.ts';
import { exit } from '../kernel/errors.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { whole } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle runs stats` */
export const verb = define({
  options: { last: whole('--last <n>', 'how many repeated runs are looked at', 20), identity, hostKey },
  examples: ['socle runs stats', 'socle runs stats --last 5 --json'],
  about:
    'How many repeated runs changed nothing (MO-2: 95 %). A run is repeated when the ones before it were done with the\n' +
    'same roles, variables and Git revision. Exit code 0: within target, or no run was repeated yet; 3: it is not.',
  async run({ last, ...values }, session) {
    const { target, way, signal } = await connect(session, values);
    const found = repeats(await readRecords(target, way, signal), last);
    const met = found.rate === null || found.rate >= found.target;
    return { data: { ...found, met }, text: () => asText(found), exit: met ? exit.ok : exit.notProven };
  },
});

function asText({ repeated, unchanged, rate, target, consecutive, unexpected }: Repeats): string {
  if (rate === null) return 'no run was repeated yet: there is nothing to count';
  const percent = (value: number) => `${Math.floor(value * 1_000) / 10} %`;
  const lines = unexpected.map(({ id, status, changed }) => {
    const what = changed.map(({ role, task }) => `${role}: ${task}`).join('; ');
    return `  ${id}  ${status === 'done' ? `changed ${what}` : status}`;
  });
  return [
    `${unchanged} of the last ${repeated} repeated runs changed nothing: ${percent(rate)}, target ${percent(target)}`,
    `without a break: the last ${consecutive}`,
    ...(lines.length === 0 ? [] : ['unexpected:', ...lines]),
  ].join('\n');
}
