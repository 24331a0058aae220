import { addresses } from '../sandbox/names.ts';
import { listMachines } from '../sandbox/store.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';
import { whenIn } from './when.ts';

/** `socle sandbox list` */
export const verb = define({
  options: {},
  examples: ['socle sandbox list', 'socle sandbox list --json'],
  async run() {
    // There is no platform here: the time zone of whoever asks.
    const when = whenIn(Intl.DateTimeFormat().resolvedOptions().timeZone);
    const machines = await listMachines();
    const rows = machines.map(({ name, release, driver, startedAt }) => [
      name,
      `Debian ${release}`,
      driver,
      addresses.host.v4,
      when(startedAt),
    ]);
    return {
      data: machines,
      text: () =>
        rows.length === 0
          ? 'no throw-away machine runs; `socle sandbox up NAME` boots one'
          : table(['name', 'system', 'driver', 'address inside', 'since'], rows),
    };
  },
});
