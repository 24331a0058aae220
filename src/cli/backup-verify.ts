import { type Verification, verifyVault } from '../backup/integrity.ts';
import { exit } from '../kernel/errors.ts';
import { formatDuration } from '../kernel/units.ts';
import { text } from './options.ts';
import { bad, good, warn } from './paint.ts';
import { table } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle backup verify` */
export const verb = define({
  options: { id: text('[id]', 'read this backup back whole, instead of the next part of the vault') },
  examples: ['socle backup verify', 'socle backup verify b-20261122t021500z-4f9c1a', 'socle backup verify --json'],
  about:
    "Checks that every backup is in the vault, the vault's structure, and the next part of all data in rotation.\n" +
    'Exit code 0: whole; 3: something is damaged, and it is named.',
  async run({ id }, session) {
    const [platform, deps] = [await session.platform(), await session.vaultDeps()];
    const result = await verifyVault({ platform, actor: session.actor, backup: id }, deps);
    return { data: result, text: () => verificationText(result), exit: result.ok ? exit.ok : exit.notProven };
  },
});

type Check = Verification['backups'][number]['integrity']['data'];

/** Only what was read is `pass`. */
function resultText(check: Check): string {
  if (check === null) return 'not read yet';
  if (check.result === 'pass') return good('pass');
  return check.result === 'partial' ? warn(`so far: ${check.detail}`) : bad(`fail: ${check.detail}`);
}

function verificationText({ vaults, backups, damaged, unreadable }: Verification): string {
  const checks = vaults.map(
    (one) =>
      `${one.vault}: what was read is ${one.ok ? good('whole') : bad('damaged')}: structure and part ${one.part.n} of ${one.part.of} of the data` +
      `${one.packs ? ` (${one.packs.read} of ${one.packs.total} packs)` : ''}, ${formatDuration(one.durationMs)}` +
      `${one.ok ? '' : `\n${one.detail}`}`,
  );
  const rows = backups.map(({ id, database, integrity }) => [
    id,
    database,
    resultText(integrity.presence),
    resultText(integrity.structure),
    resultText(integrity.data),
  ]);
  const hidden = unreadable.map(({ snapshot, was }) =>
    warn(`snapshot file ${snapshot} cannot be read; it was: ${was} ("A damaged snapshot" in docs/vault.md)`),
  );
  return [
    ...checks,
    ...(rows.length > 0
      ? [table(['id', 'database', 'presence', 'structure', 'data'], rows)]
      : ['there are no backups yet']),
    ...hidden,
    ...(damaged.length > 0 ? [bad(`damaged: ${damaged.join(', ')}`)] : []),
  ].join('\n');
}
