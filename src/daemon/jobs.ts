import type { JobKind } from '../observability/schedule-store.ts';
import type { Platform } from '../platform/schema.ts';

/** One command of a job: arguments of our own command line. */
export interface Step {
  /** For messages: `backup`, `copy`, `prune`, `drill`, `check`, `copy of the cluster`. */
  readonly name: string;
  readonly args: readonly string[];
  /** The database that is drilled: this makes namespaces, which a hardened unit may not. */
  readonly drills?: string;
  /** What the exit code for "not proven" means here. */
  readonly refuted?: string;
  /**
   * It follows work that counts without it: when it fails, the job has not failed. It has a state of its own, from the
   * audit trail.
   */
  readonly followUp?: boolean;
}

/**
 * The commands of a job, in order; a step runs only after the one before it ended well. So retention never runs after
 * a failed backup, nor before its copy is safe. But a backup is good, whatever becomes of its copy and of retention.
 */
export function stepsOf(kind: JobKind, database: string | null, platform: Platform): Step[] {
  const of = database === null ? [] : ['--database', database];
  const copy: Step[] = platform.backup?.copy ? [{ name: 'copy', args: ['vault', 'copy'], followUp: true }] : [];
  switch (kind) {
    case 'backup':
    case 'deep-backup':
      return [
        {
          name: 'backup',
          args: ['backup', 'run', ...of, ...(kind === 'deep-backup' ? ['--deep'] : [])],
          refuted: 'it is incomplete; `socle backup show` names what is missing',
        },
        ...copy,
        { name: 'prune', args: ['backup', 'prune', ...of, '--yes'], followUp: true },
      ];
    case 'drill':
      return [
        {
          name: 'drill',
          args: ['drill', 'run', ...of],
          ...(database === null ? {} : { drills: database }),
          refuted: 'the backup is not proven; `socle drill show` says why',
        },
      ];
    case 'datastore':
      return [{ name: 'copy of the cluster', args: ['cluster', 'snapshot', 'save'] }, ...copy];
    case 'integrity':
      return [
        {
          name: 'check',
          args: ['backup', 'verify'],
          refuted: 'something in the vault is damaged; `socle backup verify` names it',
        },
      ];
  }
}
