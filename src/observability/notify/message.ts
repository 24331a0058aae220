import type { State, Tracked } from '../schema.ts';

/** One change of state. It becomes one mail and one webhook document. */
export interface StateChange {
  /** Unique and stable: whoever gets it twice can tell. */
  readonly id: string;
  readonly platform: string;
  readonly environment: string;
  readonly kind: 'backups' | 'drills' | 'integrity' | 'datastore' | 'copies' | 'retention';
  readonly database: string | null;
  /** Null the first time that a state is known. */
  readonly from: State | null;
  readonly to: State;
  readonly at: string;
  readonly detail: string;
  readonly nextRunAt: string | null;
  readonly lastSuccessAt: string | null;
}

export interface Message extends StateChange {
  readonly title: string;
  readonly meaning: string;
  readonly next: string;
}

const subjects = {
  backups: 'backups',
  drills: 'restore drills',
  integrity: 'checks of the vault',
  datastore: 'copies of the cluster',
  copies: 'copies to the second vault',
  retention: 'removals of old backups',
} as const;

const words: Record<State, string> = {
  ok: 'are in order',
  overdue: 'are overdue',
  failing: 'fail',
  'never succeeded': 'have never succeeded',
  off: 'are switched off',
};

const meanings: Record<StateChange['kind'], Record<State, string>> = {
  backups: {
    ok: 'The newest backup is good and young enough for the target.',
    overdue: 'If the database were lost now, more data would be gone than the target (rpo) allows.',
    failing: 'The last attempt gave no backup that counts. The one before it is still young enough, and is kept.',
    'never succeeded': 'There is no backup of this database: if it were lost now, all of it would be gone.',
    off: 'Nothing backs this database up by itself any more.',
  },
  drills: {
    ok: 'A backup was restored onto an empty server and proved identical, within the targets.',
    overdue: 'Nobody has shown for too long that the backups of this database can be restored.',
    failing:
      'The last drill did not prove the backup, or missed a target: do not count on a restore before you know why.',
    'never succeeded': 'It has never been shown that a backup of this database can be restored.',
    off: 'Nothing tests the backups of this database by itself any more.',
  },
  integrity: {
    ok: 'The structure of the vault and the data read so far are intact.',
    overdue: 'The vault has not been checked for too long.',
    failing: 'The vault may be damaged or out of reach: backups in it may not be readable.',
    'never succeeded': 'The vault has never been checked.',
    off: 'Nothing checks the vault by itself any more.',
  },
  copies: {
    ok: 'The second vault has what the first one has.',
    overdue: 'If the first vault were lost now, more would be gone than the target (rpo) allows.',
    failing: 'The backups are good, and newer ones are not in the second vault.',
    'never succeeded': 'Nothing has been copied to the second vault yet.',
    off: 'Nothing is copied to the second vault by itself any more.',
  },
  retention: {
    ok: 'Old backups leave the vault as the policy says.',
    overdue: 'Old backups have not been looked at for too long.',
    failing: 'The backups are good. Old ones stay in the vault, which grows.',
    'never succeeded': 'Nothing has been removed from the vault yet.',
    off: 'Nothing removes old backups by itself any more.',
  },
  datastore: {
    ok: 'The newest copy of the cluster is complete and young enough for the target.',
    overdue: 'If the host were lost now, what was deployed or changed in the cluster for too long would be gone.',
    failing: 'The last attempt gave no copy that counts. The one before it is still young enough, and is kept.',
    'never succeeded': 'There is no copy of the cluster: if the host were lost now, its Secrets would be gone.',
    off: 'Nothing copies the cluster into the vault by itself any more.',
  },
};

function advice({ kind, database, to, nextRunAt }: StateChange): string {
  if (to === 'ok') return 'nothing to do';
  const schedule = nextRunAt === null ? '' : `; the schedule tries again at ${nextRunAt}`;
  if (to === 'off')
    return 'nothing, if that was meant; else set the schedule in platform.yaml and restart `socle serve`';
  const verbs = {
    backups: `see \`socle backup list --database ${database}\`, then run \`socle backup run --database ${database}\``,
    drills: `see \`socle drill list\`, then run \`socle drill run --database ${database}\``,
    integrity: 'run `socle backup verify`, and read what it names',
    datastore: 'run `socle cluster snapshot save`, and read what it says',
    copies: 'run `socle vault copy`, and read what it says',
    retention: 'run `socle backup prune`, and read what it says',
  };
  return `${verbs[kind]}${schedule}`;
}

/** What happened, what it means, what to do next: for a person who was not looking. */
export function messageOf(change: StateChange): Message {
  const about = `${subjects[change.kind]}${change.database === null ? '' : ` of ${change.database}`}`;
  return {
    ...change,
    title: `${change.platform} (${change.environment}): ${about} ${words[change.to]}`,
    meaning: meanings[change.kind][change.to],
    next: advice(change),
  };
}

/** The mail's text. Lines are plain, so that it can be read anywhere. */
export function mailText(message: Message): string {
  const before = message.from === null ? '' : ` Before, the state was "${message.from}".`;
  return [
    `${message.title}.`,
    '',
    `What happened: at ${message.at} the state became "${message.to}": ${message.detail}.${before}`,
    `What it means: ${message.meaning}`,
    `What to do next: ${message.next}.`,
    '',
    `Last success: ${message.lastSuccessAt ?? 'never'}. Next run: ${message.nextRunAt ?? 'not scheduled'}.`,
    'One mail is sent per change of state: the next one comes when it changes again.',
  ].join('\n');
}

/** What runs only after something else did: that it never has is no news on the first day. */
const quietAtFirst: ReadonlySet<StateChange['kind']> = new Set(['integrity', 'copies', 'retention']);

/**
 * Is a change worth a message? The first look at something that is in order, or off, is none; nor is a vault that is
 * too young to have been checked.
 */
export function isNews(kind: StateChange['kind'], from: State | null, to: State): boolean {
  // The first one that went well ends no trouble.
  if (from === 'never succeeded' && to === 'ok' && (kind === 'copies' || kind === 'retention')) return false;
  if (from !== null) return from !== to;
  return to === 'failing' || to === 'overdue' || (to === 'never succeeded' && !quietAtFirst.has(kind));
}

/** The part of a tracked thing that a message needs. */
export function changeOf(
  base: Pick<StateChange, 'id' | 'platform' | 'environment' | 'kind' | 'database' | 'from' | 'at'>,
  tracked: Tracked,
): StateChange {
  return {
    ...base,
    to: tracked.state,
    detail: tracked.detail,
    nextRunAt: tracked.nextAt,
    lastSuccessAt: tracked.lastSuccessAt,
  };
}
