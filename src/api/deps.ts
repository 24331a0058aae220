import type { BackupCatalog } from '../backup/catalog.ts';
import type { DrillStore } from '../drill/store.ts';
import type { Operation } from '../governance/schema.ts';
import type { Drift } from '../host/drift-report.ts';
import type { Log } from '../kernel/log.ts';
import type { Component, Status } from '../observability/schema.ts';
import type { Position } from './pagination.ts';

/** What the API reads. None of it waits for anything outside this process. */
export interface ApiDeps {
  readonly log: Log;
  /** The address that it listens on, by which it may be asked for; names of loopback may always be. */
  readonly host: string;
  /** Names of the databases in the platform file. */
  readonly databases: readonly string[];
  readonly components: () => Component[];
  readonly component: (name: string) => Component | undefined;
  /** The status last collected. */
  readonly status: () => Status;
  readonly backups: Pick<BackupCatalog, 'list' | 'get'>;
  readonly drills: Pick<DrillStore, 'summaries' | 'get' | 'latest'>;
  /** The newest comparison of the host with its last run; null when the platform has no host. */
  readonly drift: () => Drift | null;
  readonly operations: (limit: number, after: Position | undefined) => Operation[];
  /** The metrics in the text format of Prometheus, with its content type. */
  readonly metrics: () => Promise<{ type: string; text: string }>;
  /** Null when requests can be served; otherwise why not. */
  readonly notReady: () => string | null;
}
