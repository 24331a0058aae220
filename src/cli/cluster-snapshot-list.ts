import { listCopies } from '../datastore/list.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle cluster snapshot list` */
export const verb = define({
  options: {},
  examples: ['socle cluster snapshot list', 'socle cluster snapshot list --json'],
  about: 'Asks the vault itself. A copy that is not complete was interrupted; it is not offered for a restore.',
  async run(_, session) {
    const copies = await listCopies(await session.vault(), session.signal);
    const when = await session.when();
    const rows = copies.map(({ id, storedAt, complete }) => [id, when(storedAt), complete ? 'complete' : 'incomplete']);
    return {
      data: copies,
      text: () => (rows.length === 0 ? 'there is no copy of the cluster yet' : table(['id', 'stored', ''], rows)),
    };
  },
});
