import { listOperations } from '../governance/operations.ts';
import { formatDuration } from '../kernel/units.ts';
import { whole } from './options.ts';
import { bad, faint, good, warn } from './paint.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';

const paint = { ok: good, failed: bad, interrupted: warn, running: faint };

/** `socle operations list` */
export const verb = define({
  options: { limit: whole('--limit <count>', 'how many', 30) },
  examples: ['socle operations list', 'socle operations list --limit 200 --json'],
  async run({ limit }, session) {
    const when = await session.when();
    const operations = listOperations(await session.state(), limit);
    return {
      data: operations,
      text: () =>
        operations.length === 0
          ? 'nothing has been done yet'
          : table(
              ['started', 'action', 'subject', 'actor', 'result', 'took', ''],
              operations.map((one) => [
                when(one.startedAt),
                one.action,
                one.subject ?? '',
                one.actor,
                paint[one.result](one.result),
                one.durationMs === null ? '' : formatDuration(one.durationMs),
                one.failure ? `${one.failure.code}: ${one.failure.message.split('\n')[0]}` : '',
              ]),
              [5],
            ),
    };
  },
});
