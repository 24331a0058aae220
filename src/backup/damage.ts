import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, type SocleError } from '../kernel/errors.ts';

/** Kinds of files in a restic repository. @see https://restic.readthedocs.io/en/stable/100_references.html#repository-layout */
const kinds = ['data', 'index', 'snapshot', 'key', 'lock', 'config'] as const;
export type FileKind = (typeof kinds)[number];

/** One file of the vault that cannot be read. */
export interface DamagedFile {
  readonly kind: FileKind;
  /** As much of its name as restic says; null where there is one file of the kind, or restic does not say which. */
  readonly id: string | null;
  readonly fault: 'damaged' | 'missing' | 'unreadable';
}

/** How people see each kind, what its loss costs, and what to do: each has a section in docs/vault.md. */
const costs: Readonly<Record<FileKind, { name: string; cost: string; next: string }>> = {
  data: {
    name: 'data file',
    cost: 'backups that use a piece of it are lost, all others are whole',
    next: 'see which backups those are with `socle backup verify`, then follow "A damaged data file" in docs/vault.md',
  },
  index: {
    name: 'index file',
    cost: 'no backup is lost, and none can be read or made until the index is made again from the data',
    next: 'run `restic rebuild-index`: "A damaged index" in docs/vault.md has the commands',
  },
  snapshot: {
    name: 'snapshot file',
    cost: 'the backup or report that it names cannot be found; all others are whole, and new backups can be made',
    next: 'see which backup it was with `socle backup verify`, then follow "A damaged snapshot" in docs/vault.md',
  },
  key: {
    name: 'key file',
    cost: 'no data is damaged; until the file is out of the way no key opens the vault',
    next: 'follow "A damaged key" in docs/vault.md: it is moved aside, and another key or a copy of the file opens the vault',
  },
  lock: {
    name: 'lock file',
    cost: 'no backup is lost; nothing can be written until the file is gone',
    next: 'when no restic works there any more, run `restic unlock --remove-all`: "A damaged lock" in docs/vault.md',
  },
  config: {
    name: 'config file',
    cost: 'no data is damaged, and none of it can be read without this file',
    next: 'do not run `socle vault init`; put a copy of the file back, or go to the second vault: "A damaged config" in docs/vault.md',
  },
};

const faults = { damaged: 'is damaged', missing: 'is missing', unreadable: 'may not be read by this user' } as const;

/** For a file that is whole, and belongs to somebody else. */
const rightsNext =
  'give the file back to the user that Socle runs as: "A file that may not be read" in docs/vault.md; nothing is lost';

const denied = /permission denied|operation not permitted/i;
const absent = /no such file|does not exist|404/i;

/** What restic's words say of one file; null when they are about something else. */
export function damagedFile(said: string): DamagedFile | null {
  const text = said.replaceAll('\\u003c', '<').replaceAll('\\u003e', '>');
  if (/open \S*\/config: permission denied|config file has zero size|config or key [0-9a-f]+ is damaged/.test(text))
    return of('config', null, text);
  // restic 0.14 reads a key without looking whether the file is whole.
  if (/Fatal: Unmarshal: /.test(text)) return of('key', null, text);
  const named = /<(data|index|snapshot|key|lock)\/([0-9a-f]{8,})>/.exec(text);
  if (named) return of(named[1] as FileKind, named[2] ?? null, text);
  const path = /\b(data|index|snapshot|key|lock)s?\/(?:[0-9a-f]{2}\/)?([0-9a-f]{8,})/.exec(text);
  if (path) return of(path[1] as FileKind, path[2] ?? null, text);
  if (/not found in (index|repository)/.test(text)) return { kind: 'index', id: null, fault: 'missing' };
  const [pack] = damagedPacks(text);
  if (pack !== undefined) return of('data', pack, text);
  return /ciphertext verification failed/.test(text) ? { kind: 'data', id: null, fault: 'damaged' } : null;
}

const of = (kind: FileKind, id: string | null, text: string): DamagedFile => ({
  kind,
  id,
  fault: denied.test(text) ? 'unreadable' : absent.test(text) ? 'missing' : 'damaged',
});

/** Full ids of data files that `restic check` found not to be what they should (restic 0.14 and 0.18). */
export function damagedPacks(said: string): string[] {
  const lines = [
    /pack ([0-9a-f]{64})\b.*(unexpected file size|failed to download|does not exist|contains \d+ errors|hash mismatch|failed|not be)/gi,
    /Pack ID does not match, want ([0-9a-f]{64})/g,
    /pack ([0-9a-f]{64}): /gi,
    /<data\/([0-9a-f]{64})>/g,
  ];
  return [...new Set(lines.flatMap((pattern) => [...said.matchAll(pattern)].map(([, id]) => id ?? '')))];
}

/** Is it a file that every backup needs? Else it says nothing about most of them. */
export const isWholeVaults = ({ kind, fault }: DamagedFile): boolean =>
  kind !== 'data' && kind !== 'snapshot' && !(kind === 'index' && fault === 'missing');

/** What happened to the file and what it costs, and what to do about it. */
export function describeDamage(address: string, { kind, id, fault }: DamagedFile): { message: string; next: string } {
  if (kind === 'index' && fault === 'missing') {
    return {
      message: `a piece of it is in no index of the vault ${address}: an index file or a data file is missing`,
      next: 'run `restic rebuild-index`, then `socle backup verify`: "A damaged index" in docs/vault.md has the commands',
    };
  }
  const { name, cost, next } = costs[kind];
  const which = id === null ? `${kind === 'config' ? 'the' : 'a'} ${name}` : `the ${name} ${id.slice(0, 10)}`;
  return {
    message: `${which} of the vault ${address} ${faults[fault]}: ${fault === 'unreadable' ? 'no data is lost' : cost}`,
    next: fault === 'unreadable' && kind !== 'lock' ? rightsNext : next,
  };
}

/**
 * In a directory of this machine, whether the files that open the vault are what they were: a key's name is the SHA-256
 * of its content. A damaged key often looks like a wrong password.
 */
export function damagedOpeningFile(directory: string): DamagedFile | null {
  const keys = join(directory, 'keys');
  if (!existsSync(keys)) return null;
  if (!existsSync(join(directory, 'config'))) return { kind: 'config', id: null, fault: 'missing' };
  for (const id of readdirSync(keys).filter((name) => /^[0-9a-f]{64}$/.test(name))) {
    try {
      if (
        createHash('sha256')
          .update(readFileSync(join(keys, id)))
          .digest('hex') !== id
      ) {
        return { kind: 'key', id, fault: 'damaged' };
      }
    } catch (error) {
      return { kind: 'key', id, fault: (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'unreadable' };
    }
  }
  return readdirSync(keys).length === 0 ? { kind: 'key', id: null, fault: 'missing' } : null;
}

/** Snapshots that cannot be read stand in the way of what was asked for. */
export function unreadableSnapshots(address: string, ids: readonly string[], why = ''): SocleError {
  const short = ids.map((id) => id.slice(0, 10));
  const which =
    ids.length === 1 ? `the snapshot file ${short[0]}` : `${ids.length} snapshot files (${short.join(', ')})`;
  return fail('vault-damaged', `${which} of the vault ${address} cannot be read${why}`, {
    vault: address,
    snapshots: ids,
    file: { kind: 'snapshot', id: ids[0], fault: 'damaged' },
    next: costs.snapshot.next,
  });
}
