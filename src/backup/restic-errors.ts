import { type FailureCode, fail, type SocleError } from '../kernel/errors.ts';
import { lastLines } from '../kernel/process.ts';
import { type DamagedFile, damagedFile, damagedOpeningFile, describeDamage, isWholeVaults } from './damage.ts';

/**
 * restic 0.17 and later say by exit code what went wrong (10 no repository, 11 locked, 12 wrong password); before, only
 * the text tells. Whatever is not known here stays a failure, with restic's own words.
 */
const byExitCode: Readonly<Record<number, FailureCode>> = {
  10: 'vault-absent',
  11: 'vault-locked',
  12: 'vault-wrong-password',
};

/** The first that matches wins: the causes that say most come first. */
const byText: ReadonlyArray<readonly [RegExp, FailureCode]> = [
  [/no space left on device|disk quota exceeded|Insufficient Storage|QuotaExceeded/i, 'vault-full'],
  [/already locked/i, 'vault-locked'],
  // One file that may not be read is no matter of the way there; one that may not be written is.
  [/\bLoad(Raw)?\(<(data|index|snapshot|key|lock)\/[^\n]*permission denied/i, 'vault-damaged'],
  [
    /open \S*\/config: permission denied|config file has zero size|config or key [0-9a-f]+ is damaged|Fatal: Unmarshal: /i,
    'vault-damaged',
  ],
  [/wrong password or no key found/i, 'vault-wrong-password'],
  [/not found in snapshot|no matching ID found|no snapshot found/i, 'not-found'],
  [/(data|index|snapshot|key)s?\/[0-9a-f]{8}.*(no such file|does not exist|404)/i, 'vault-damaged'],
  // ssh closes the connection as well: that is not why.
  [/Permission denied \((publickey|password|keyboard)|Host key verification failed/i, 'vault-denied'],
  [
    /connection (refused|reset|timed out|closed)|no such host|no route to host|network is unreachable|i\/o timeout|TLS handshake timeout|Could not resolve hostname|lost connection|unexpected EOF|broken pipe|50[234] /i,
    'vault-unreachable',
  ],
  [
    /permission denied|read-only file system|operation not permitted|40[13] |unauthorized|forbidden|Access ?Denied|InvalidAccessKeyId|SignatureDoesNotMatch/i,
    'vault-denied',
  ],
  [
    /ciphertext verification failed|hash does not match|invalid data returned|checksum mismatch|contains errors|load(ing)? .*(tree|blob|index|pack|snapshot)|not found in (index|repository)/i,
    'vault-damaged',
  ],
  [
    /Is there a repository at the following location|unable to open config file|config\/?>? does not exist/i,
    'vault-absent',
  ],
  // The lock of one that ended while this restic looked: 0.14 tries to read it for a minute, and is stopped before.
  [/Load\(<lock\/.*(no such file|does not exist|404)/i, 'vault-locked'],
  [
    /unable to start the sftp session|unable to open repository|error talking to|dial tcp|server response/i,
    'vault-unreachable',
  ],
];

const titles: Partial<Record<FailureCode, string>> = {
  'vault-absent': 'there is no vault at',
  'vault-locked': 'another process holds the vault',
  'vault-wrong-password': 'the password does not open the vault',
  'vault-full': 'no space is left in the vault',
  'vault-unreachable': 'no answer from the vault',
  'vault-denied': 'access was refused by the vault',
  'vault-damaged': 'damaged data in the vault',
  'not-found': 'no such snapshot or file in the vault',
};

/** Who holds a lock and since when, from restic's message; absent parts are null. */
function lockHolder(text: string): { holder: string | null; since: string | null } {
  const holder = /locked (?:exclusively )?by (PID .+)/i.exec(text)?.[1]?.trim() ?? null;
  const since = /lock was created at ([\d-]+ [\d:]+)/i.exec(text)?.[1] ?? null;
  return { holder, since };
}

/**
 * What restic's end means.
 * @param address the vault as people may see it
 * @param directories of the vaults of the call, when all of them are on this machine
 * @param output what restic printed
 * @param masked takes secrets out of it: what it means is read before, since a short password may be a word of restic's
 */
export function resticFailure(
  address: string,
  exitCode: number,
  output: string,
  directories: readonly string[] = [],
  masked: (text: string) => string = (text) => text,
): SocleError {
  // On a disk of this machine, a file that ends too early is a damaged one.
  const said = directories.length === 0 ? output : output.replaceAll('unexpected EOF', 'invalid data returned');
  const known = byExitCode[exitCode] ?? byText.find(([pattern]) => pattern.test(said))?.[1];
  const details = { vault: address, exitCode, output: masked(lastLines(output)) };
  const file = fileToBlame(known, said, directories);
  if (file) {
    const { message, next } = describeDamage(address, file);
    return fail(isWholeVaults(file) ? 'vault-unusable' : 'vault-damaged', message, { ...details, file, next });
  }
  if (!known) return fail('vault-failed', `restic ended with ${exitCode} for the vault ${address}`, details);
  const title = `${titles[known]} ${address}`;
  if (known !== 'vault-locked') return fail(known, title, details);
  const { holder, since } = lockHolder(masked(output));
  return fail(known, `${title}${holder ? `: ${holder}` : ''}${since ? ` since ${since}` : ''}`, {
    ...details,
    holder,
    since,
  });
}

/** A damaged key passes for a wrong password, and a config that is gone for a vault that is: on a disk it can be seen. */
function fileToBlame(known: FailureCode | undefined, said: string, directories: readonly string[]): DamagedFile | null {
  if (known === 'vault-damaged') return damagedFile(said);
  if (known !== 'vault-wrong-password' && known !== 'vault-absent' && known !== undefined) return null;
  return directories.map(damagedOpeningFile).find((file) => file !== null) ?? null;
}
