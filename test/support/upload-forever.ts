import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openVault } from '../../src/backup/vault-open.ts';

/** Writes into a vault until it is killed. Arguments: repository, password file, cache directory, backup id. */
const [repository = '', file = '', cache = '', id = ''] = process.argv.slice(2);
const vault = await openVault(
  { repository, password: { file }, options: {}, environment: {} },
  { platform: 'shop', cache },
);
const { sink } = vault.upload({ item: 'dump', database: 'orders', id, file: 'orders.dump' });
for (;;) {
  if (!sink.write(randomBytes(2 ** 16))) await once(sink, 'drain');
  process.stdout.write('.');
}
