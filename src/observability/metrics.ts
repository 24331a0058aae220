import { readFileSync } from 'node:fs';
import { Gauge, Registry } from 'prom-client';
import { type Level, levels, type Verdict, verdictSchema } from '../drill/schema.ts';
import type { DrillSummary } from '../drill/summary.ts';
import { type Drift, driftStateSchema } from '../host/drift-report.ts';
import { socleVersion } from '../kernel/version.ts';
import { type Component, outcomeSchema, type Status, stateSchema } from './schema.ts';

/** Where the figures come from. All of it is at hand: a scrape waits for nothing. */
export interface MetricsSource {
  readonly status: () => Status;
  readonly components: () => Component[];
  readonly lastProven: (database: string) => DrillSummary | undefined;
  readonly drillTally: () => Array<{ database: string; verdict: Verdict; count: number }>;
  /** Null when the platform has no host. */
  readonly drift: () => Drift | null;
  /** The loops of the daemon. */
  readonly pulses: () => ReadonlyArray<{ name: string; lastSuccessAt: string | null; failing: object | null }>;
}

const seconds = (ms: number) => ms / 1_000;
const stamp = (iso: string | null) => (iso === null ? undefined : Date.parse(iso) / 1_000);

/** Peak resident memory of this process, bytes: proc(5), `VmHWM`. */
export function peakMemory(): number {
  const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1] ?? 0) * 1_024;
}

/**
 * The metrics, in the text format. Names follow other backup exporters, so that their alert rules are easy to carry
 * over. What is not known has no series: a zero would be a claim.
 */
export async function renderMetrics(source: MetricsSource): Promise<{ type: string; text: string }> {
  const registry = new Registry();
  new Scrape(source, registry).collect();
  return { type: registry.contentType, text: await registry.metrics() };
}

function works(part: () => void): boolean {
  try {
    part();
    return true;
  } catch {
    return false;
  }
}

class Scrape {
  readonly #registry: Registry;
  readonly #source: MetricsSource;
  readonly #gauges = new Map<string, Gauge>();

  constructor(source: MetricsSource, registry: Registry) {
    this.#source = source;
    this.#registry = registry;
  }

  /** Sets one series; an undefined value leaves it out. */
  #set(name: string, help: string, value: number | undefined, labels: Record<string, string> = {}): void {
    if (value === undefined) return;
    let gauge = this.#gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help, labelNames: Object.keys(labels), registers: [this.#registry] });
      this.#gauges.set(name, gauge);
    }
    gauge.set(labels, value);
  }

  collect(): void {
    // First what needs no state database: when that is locked, these say so.
    this.#pulses();
    this.#components();
    this.#process();
    const failed = [() => this.#recorded(), () => this.#drift(this.#source.drift())].filter((part) => !works(part));
    this.#set('socle_metrics_incomplete', '1 when a part of the metrics could not be read', Number(failed.length > 0));
  }

  #recorded(): void {
    const status = this.#source.status();
    for (const { name, backups, drills } of status.databases) {
      this.#tracked('socle_backup', 'backup', name, backups);
      this.#tracked('socle_restore_drill', 'restore drill', name, drills);
      this.#measured(name, this.#source.lastProven(name));
    }
    for (const { database, verdict, count } of this.#tally(status)) {
      const labels = { database, result: verdict };
      this.#set('socle_restore_drill_total', 'restore drills on record by their verdict', count, labels);
    }
    this.#vault(status);
    this.#datastore(status);
    this.#followUps(status);
    this.#notifications(status);
  }

  #tracked(prefix: string, what: string, database: string, tracked: Status['integrity']): void {
    const of = { database };
    const last = stamp(tracked.lastSuccessAt);
    const took = tracked.lastDurationMs === null ? undefined : seconds(tracked.lastDurationMs);
    this.#set(`${prefix}_last_success_timestamp_seconds`, `when the last good ${what} was made`, last, of);
    this.#set(`${prefix}_last_duration_seconds`, `how long the last good ${what} took`, took, of);
    this.#set(`${prefix}_next_timestamp_seconds`, `when the next ${what} starts`, stamp(tracked.nextAt), of);
    this.#set(`${prefix}_overdue`, `1 when the last good ${what} is too old`, Number(tracked.state === 'overdue'), of);
    const rate = tracked.successRate?.rate;
    this.#set(`${prefix}_success_ratio`, 'scheduled runs of 30 days that succeeded; missed ones did not', rate, of);
    for (const state of stateSchema.options) {
      this.#set(`${prefix}_state`, '1 for the state that holds', Number(state === tracked.state), { ...of, state });
    }
  }

  #measured(database: string, drill: DrillSummary | undefined): void {
    const of = { database };
    const { recoveryTime: recovery, dataLoss: loss } = drill ?? {};
    const [took, lost] = [recovery && seconds(recovery.ms), loss && seconds(loss.ms)];
    this.#set('socle_recovery_time_seconds', 'how long the last proven restore took', took ?? undefined, of);
    this.#set(
      'socle_recovery_time_target_seconds',
      'how long it may take (rto)',
      recovery ? seconds(recovery.targetMs) : undefined,
      of,
    );
    this.#set('socle_data_loss_seconds', 'data that the last proven restore would have lost', lost ?? undefined, of);
    this.#set(
      'socle_data_loss_target_seconds',
      'how much may be lost (rpo)',
      loss ? seconds(loss.targetMs) : undefined,
      of,
    );
    const level = drill?.level ? levels.indexOf(drill.level satisfies Level) + 1 : undefined;
    this.#set(
      'socle_restore_drill_level',
      '1 restored, 2 identical to the artifact, 3 identical to the source',
      level,
      of,
    );
  }

  /** Every database and verdict, zero where there was none: a counter that appears with its first failure hides it. */
  #tally(status: Status): Array<{ database: string; verdict: Verdict; count: number }> {
    const counted = this.#source.drillTally();
    return status.databases.flatMap(({ name }) =>
      verdictSchema.options.map((verdict) => ({
        database: name,
        verdict,
        count: counted.find((row) => row.database === name && row.verdict === verdict)?.count ?? 0,
      })),
    );
  }

  #vault({ integrity }: Status): void {
    const bytes = this.#source.components().find((component) => component.name === 'vault')?.measured.bytes;
    this.#set('socle_vault_size_bytes', 'size of the vault; only where it is a directory of this host', bytes);
    const checked = stamp(integrity.lastSuccessAt);
    this.#set('socle_vault_check_last_success_timestamp_seconds', 'when the vault was last found intact', checked);
    this.#set(
      'socle_vault_check_failing',
      '1 when the last check of the vault failed',
      Number(integrity.state === 'failing'),
    );
  }

  #datastore({ datastore }: Status): void {
    if (datastore === null) return;
    const last = stamp(datastore.lastSuccessAt);
    this.#set('socle_cluster_copy_last_success_timestamp_seconds', 'when the last copy of the cluster was made', last);
    const overdue = Number(datastore.state === 'overdue');
    this.#set('socle_cluster_copy_overdue', '1 when the last copy of the cluster is too old', overdue);
    for (const state of stateSchema.options) {
      const holds = Number(state === datastore.state);
      this.#set('socle_cluster_copy_state', '1 for the state that holds', holds, { state });
    }
  }

  #followUps({ copies, retention }: Status): void {
    for (const [step, tracked] of Object.entries({ copy: copies, retention })) {
      if (tracked === null) continue;
      const rate = tracked.successRate;
      const last = stamp(tracked.lastSuccessAt);
      this.#set('socle_backup_step_last_success_timestamp_seconds', 'when a step after backups last ended well', last, {
        step,
      });
      this.#set('socle_backup_step_success_ratio', 'runs of 30 days of this step that ended well', rate?.rate, {
        step,
      });
      const failures = rate ? rate.expected - rate.succeeded : 0;
      this.#set('socle_backup_step_failures', 'runs of 30 days of this step that did not end well', failures, { step });
      for (const state of stateSchema.options) {
        const holds = Number(state === tracked.state);
        this.#set('socle_backup_step_state', '1 for the state that holds', holds, { step, state });
      }
    }
  }

  #drift(drift: Drift | null): void {
    if (drift === null) return;
    const { report } = drift;
    const at = stamp(report?.endedAt ?? null);
    this.#set('socle_drift_deviations', 'what on the host is not as its last run made it', report?.deviations.length);
    this.#set('socle_drift_last_check_timestamp_seconds', 'when the host was last compared with its last run', at);
    for (const state of driftStateSchema.options) {
      this.#set('socle_drift_state', '1 for the state that holds', Number(state === drift.state), { state });
    }
  }

  #notifications({ notifications }: Status): void {
    const waiting = notifications.reduce((sum, one) => sum + one.waiting, 0);
    this.#set('socle_notifications_waiting', 'messages not delivered yet', waiting);
    for (const { channel, recipient, waiting, refused, since, lastDeliveredAt } of notifications) {
      const to = { channel, recipient };
      const [oldest, last] = [stamp(since), stamp(lastDeliveredAt)];
      this.#set('socle_notification_undelivered', 'messages to this recipient not delivered yet', waiting, to);
      this.#set('socle_notification_refused', 'messages given up since the last one that arrived', refused, to);
      this.#set('socle_notification_undelivered_since_timestamp_seconds', 'the oldest of them', oldest, to);
      this.#set('socle_notification_last_delivered_timestamp_seconds', 'when one last arrived', last, to);
    }
  }

  #components(): void {
    for (const { name: component, status, ageMs, measured } of this.#source.components()) {
      for (const outcome of outcomeSchema.options) {
        const labels = { component, status: outcome };
        this.#set('socle_component_status', '1 for the status that holds', Number(outcome === status), labels);
      }
      const age = ageMs === null ? undefined : seconds(ageMs);
      this.#set('socle_component_check_age_seconds', 'age of the last result', age, { component });
      if (component === 'disk') this.#set('socle_state_free_bytes', 'free for the state directory', measured.freeBytes);
    }
  }

  #pulses(): void {
    for (const { name: pulse, lastSuccessAt, failing } of this.#source.pulses()) {
      const last = stamp(lastSuccessAt);
      this.#set('socle_pulse_failing', '1 while a loop of the daemon fails', Number(failing !== null), { pulse });
      this.#set('socle_pulse_last_success_timestamp_seconds', 'when a loop last went well', last, { pulse });
    }
  }

  #process(): void {
    this.#set('socle_build_info', 'always 1', 1, { version: socleVersion });
    this.#set('process_resident_memory_bytes', 'resident memory of the daemon', process.memoryUsage.rss());
    this.#set('process_resident_memory_max_bytes', 'its peak since the start', peakMemory());
    this.#set('process_start_time_seconds', 'when it started', Math.round(Date.now() / 1_000 - process.uptime()));
  }
}
