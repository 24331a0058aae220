import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { DatabaseSync } from 'node:sqlite';
import type { FastifyInstance } from 'fastify';
import { buildApi } from '../api/app.ts';
import { isLoopbackAddress } from '../api/guards.ts';
import { BackupCatalog } from '../backup/catalog.ts';
import { keptBackups } from '../backup/kept.ts';
import { markInterrupted } from '../backup/leftovers.ts';
import { destroyLeftovers } from '../database/scratch-place.ts';
import { markInterruptedDrills } from '../drill/interrupted.ts';
import { DrillStore } from '../drill/store.ts';
import { listOperations } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { recordDaemon } from '../observability/daemon-record.ts';
import { DeadMan } from '../observability/dead-man.ts';
import { DriftKeeper } from '../observability/drift-keeper.ts';
import { peakMemory, renderMetrics } from '../observability/metrics.ts';
import { couriersOf } from '../observability/notify/deliver.ts';
import { Outbox } from '../observability/notify/outbox.ts';
import { describeTarget } from '../observability/notify/target.ts';
import { ProbeBoard } from '../observability/probe-board.ts';
import { applyStateRetention } from '../observability/retention.ts';
import { ScheduleStore } from '../observability/schedule-store.ts';
import { withinTargets } from '../observability/status.ts';
import { statePaths } from '../platform/paths.ts';
import type { OpsConfig, Platform } from '../platform/schema.ts';
import { privateAddress } from '../vpn/addresses.ts';
import { componentsOf } from './components.ts';
import { Heartbeats } from './heartbeats.ts';
import { runSteps } from './job-process.ts';
import { stepsOf } from './jobs.ts';
import { type Fault, type Pulse, Pulses } from './pulse.ts';
import { pulsesProbe } from './pulses-probe.ts';
import { schedulesOf } from './schedule.ts';
import { Scheduler } from './scheduler.ts';
import { endWithin } from './shutdown.ts';
import { openState } from './state.ts';
import { StatusKeeper } from './status-keeper.ts';
import { serviceManager } from './systemd.ts';

export interface ServeOptions {
  /** The platform file: scheduled jobs read it themselves. */
  readonly configFile: string;
  /** Ends the daemon in an orderly way. */
  readonly signal: AbortSignal;
  /** Told the address of the API once it answers, such as `http://127.0.0.1:7410`. */
  /** Where the host keeps its newest comparison with its last run; default: where it does. */
  readonly driftReport?: string | undefined;
  readonly onListening?: ((url: string, pulses: Pulses) => void) | undefined;
}

export interface ServeDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** For tests: what happens before each round of each loop. */
  readonly fault?: Fault | undefined;
}

const second = 1_000;
const minute = 60 * second;
/** A running job gets this long to end by itself before it is killed: restic and pg_dump under it have five seconds. */
const graceMs = 8 * second;
/** After a signal everything has ended by then, or is left behind. */
const endMs = 12 * second;

/**
 * The ops daemon: watches, runs schedules, tells about changes and answers on loopback or in the VPN, until `signal` aborts. Jobs are
 * processes of their own; what they do to memory, or how they die, is not the daemon's. After the signal it resolves within
 * 13 s, whatever hangs: what does is named in the log, and the caller ends the process (`endProcess`).
 * @throws `listen-refused`, `listen-failed`, `state-unusable`, `state-of-another`, `busy` when another daemon holds the state
 */
export async function serve(
  platform: Platform,
  options: ServeOptions,
  { clock, log, fault }: ServeDeps,
): Promise<void> {
  const { host } = platform.ops.listen;
  // The firewall lets nobody but the VPN reach the private address.
  const ownAddress = platform.host ? privateAddress(platform.vpn) : null;
  if (!isLoopbackAddress(host) && host !== ownAddress) {
    throw fail('listen-refused', `ops.listen.host is ${host}, which others may reach; there are no tokens yet`);
  }
  const { db, lock } = openState(platform);
  try {
    await sweep(platform, db, { clock, log });
    recordDaemon(db, clock.now());
    await work(platform, db, options, { clock, log, fault });
  } finally {
    giveUp(lock, db, log);
  }
}

/** A lock that cannot be given up, in a database that is locked or full, is that of a process that is gone: it holds nobody. */
function giveUp(lock: { release(): void }, db: DatabaseSync, log: Log): void {
  for (const step of [() => lock.release(), () => db.close()]) {
    try {
      step();
    } catch (error) {
      log.warn({ reason: String(error) }, 'the state database could not be left in order');
    }
  }
}

/** Marks what processes that are gone left half-done, and removes their scratch servers. */
async function sweep(platform: Platform, db: DatabaseSync, { clock, log }: ServeDeps): Promise<void> {
  for (const id of markInterrupted(db, clock)) log.warn({ backup: id }, 'a backup was interrupted');
  for (const id of markInterruptedDrills(db, clock)) log.warn({ drill: id }, 'a drill was interrupted');
  for (const directory of await destroyLeftovers(statePaths(platform).scratch)) {
    log.warn({ directory }, 'removed the scratch server of a process that is gone');
  }
}

async function work(
  platform: Platform,
  db: DatabaseSync,
  { configFile, signal, driftReport, onListening }: ServeOptions,
  { clock, log, fault }: ServeDeps,
): Promise<void> {
  const { databases, ops } = platform;
  const catalog = new BackupCatalog(db);
  const drills = new DrillStore(db);
  const outbox = new Outbox(db);
  const keeper = new StatusKeeper(platform, db, clock);
  const pulses = new Pulses({ clock, log, fault });
  const drift = platform.host ? new DriftKeeper(platform.drift.every, clock, driftReport) : null;
  const board = new ProbeBoard(
    [...componentsOf(platform, statePaths(platform), () => keeper.current(), drift), pulsesProbe(() => pulses.list())],
    clock,
    log,
  );
  const couriers = couriersOf(ops.notify, outbox, clock, log);
  const targets = couriers.map((courier) => courier.target);
  outbox.adopt(targets, clock.now());
  const heartbeats = new Heartbeats(databases, log);
  const deadMan = ops.heartbeat && new DeadMan(ops.heartbeat, () => withinTargets(keeper.current()), clock, log);
  let stale = true;
  let watch: Pulse | undefined;
  const look = () => {
    // What was seen, and could not be written down, is looked at again.
    if (!keeper.refresh(stale)) return;
    stale = true;
    for (const change of outbox.observe(keeper.last(), targets)) {
      const whose = change.database ?? (change.kind === 'datastore' ? 'the cluster' : 'the vault');
      log.info({ ...change }, `${change.kind} of ${whose}: ${change.from} -> ${change.to}`);
    }
    stale = false;
    for (const name of ['backups', 'drills', 'integrity', 'datastore', 'copies', 'retention']) void board.refresh(name);
  };
  const scheduler = new Scheduler(schedulesOf(platform), {
    store: new ScheduleStore(db),
    clock,
    log,
    async work(run, stop) {
      const result = await runSteps(stepsOf(run.kind, run.database, platform), {
        configFile,
        signal: stop,
        graceMs,
        log,
      });
      // A job that was killed could not clean up after itself.
      if (result.state !== 'ok') {
        await sweep(platform, db, { clock, log }).catch((error: Error) =>
          log.error({ reason: error.message }, 'what a job left could not be cleaned up'),
        );
      }
      return result;
    },
    onChange: () => {
      stale = true;
      watch?.now();
    },
    wake: () => pulses.now('schedule'),
  });
  const app = await buildApi({
    log,
    host: ops.listen.host,
    databases: databases.map(({ name }) => name),
    components: () => board.list(),
    component: (name) => board.get(name),
    status: () => keeper.last(),
    backups: keptBackups(catalog, platform, clock),
    drills,
    drift: () => drift?.current() ?? null,
    operations: (limit, after) => listOperations(db, limit, after),
    metrics: () =>
      renderMetrics({
        status: () => keeper.last(),
        components: () => board.list(),
        lastProven: (database) => drills.summaries({ database, verdicts: ['proven'], limit: 1 })[0],
        drillTally: () => drills.tally(),
        drift: () => drift?.current() ?? null,
        pulses: () => pulses.list(),
      }),
    notReady: () => (signal.aborted ? 'Socle is shutting down' : null),
  });
  const manager = serviceManager(log, pulses);
  try {
    const url = await listen(app, ops.listen);
    const repeat = (
      name: string,
      everyMs: number,
      deadlineMs: number,
      work: (stop: AbortSignal) => void | Promise<void>,
    ) => pulses.add({ name, everyMs, deadlineMs, work });
    pulses.add({
      name: 'schedule',
      everyMs: () => scheduler.untilNext(),
      deadlineMs: minute,
      work: () => scheduler.tick(),
    });
    watch = repeat('state', 2 * second, minute, look);
    repeat('heartbeat of databases', 30 * second, minute, (stop) => heartbeats.write(stop));
    for (const courier of couriers) {
      // A round takes letter after letter, each of which has a limit of its own.
      repeat(`notify:${describeTarget(courier.target)}`, 15 * second, 10 * minute, (stop) => courier.deliver(stop));
    }
    if (deadMan) repeat('external heartbeat', 5 * second, 30 * second, (stop) => deadMan.beat(stop));
    repeat('retention', 86_400 * second, minute, () => applyStateRetention(db, clock.now()));
    board.start(pulses);
    manager.ready();
    log.info({ url, databases: databases.length, channels: targets.map(describeTarget) }, 'Socle is watching');
    onListening?.(url, pulses);
    if (!signal.aborted) await once(signal, 'abort');
    log.info({ peakMemory: peakMemory() }, 'Socle is stopping');
  } finally {
    const hanging = await endWithin(endMs, [
      { name: 'systemd', end: () => manager.stopping() },
      { name: 'the probes', end: () => board.stop() },
      { name: 'the loops', end: () => pulses.stop() },
      { name: 'the running job', end: () => scheduler.stop() },
      { name: 'the API', end: () => app.close() },
    ]);
    if (hanging.length > 0) log.warn({ hanging, loops: pulses.underWay() }, 'left behind: it did not end in time');
  }
}

/** @throws `listen-failed`, with what to do when the port is taken */
async function listen(app: FastifyInstance, { host, port }: OpsConfig['listen']): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EADDRINUSE' ? 'another program uses that port' : message;
    throw fail('listen-failed', `${host}:${port}: ${reason}`, { host, port }, error);
  }
  const address = app.server.address() as AddressInfo;
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}
