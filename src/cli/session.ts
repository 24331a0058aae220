import { createInterface } from 'node:readline/promises';
import type { DatabaseSync } from 'node:sqlite';
import type { VaultDeps } from '../backup/deps.ts';
import type { keptBackups } from '../backup/kept.ts';
import type { Vault } from '../backup/vault.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import { findPlatformFile, loadPlatform } from '../platform/load.ts';
import { type StatePaths, statePaths } from '../platform/paths.ts';
import type { BackupConfig, Platform, VaultConfig } from '../platform/schema.ts';
import { actor } from './actor.ts';
import type { TerminalProgress } from './progress.ts';
import type { Answer } from './verb.ts';
import { type When, whenIn } from './when.ts';

export interface SessionOptions {
  /** `--config`. */
  readonly config: string | undefined;
  readonly json: boolean;
  readonly progress: TerminalProgress;
  readonly signal: AbortSignal;
  readonly show: (answer: Answer) => Promise<void>;
}

/** What a verb works with. Everything is opened when it is first asked for, so that each verb pays for what it uses. */
export class Session implements Disposable {
  readonly actor = actor();
  readonly clock: Clock = systemClock;
  readonly json: boolean;
  readonly progress: TerminalProgress;
  readonly signal: AbortSignal;
  readonly #show: (answer: Answer) => Promise<void>;
  readonly #config: string | undefined;
  #platform: Promise<Platform> | undefined;
  #state: DatabaseSync | undefined;

  constructor({ config, json, progress, signal, show }: SessionOptions) {
    this.#config = config;
    this.json = json;
    this.progress = progress;
    this.signal = signal;
    this.#show = show;
  }

  /** Shows an answer before the work has ended. */
  show(answer: Answer): Promise<void> {
    this.progress.stop();
    return this.#show(answer);
  }

  /** Path of the platform file. @throws `config-missing` */
  file(): string {
    return findPlatformFile(this.#config);
  }

  /** Path of a platform file that is to be written: `--config`, else `$SOCLE_CONFIG`, else `./platform.yaml`. */
  newFile(): string {
    return this.#config ?? (process.env.SOCLE_CONFIG || 'platform.yaml');
  }

  platform(): Promise<Platform> {
    this.#platform ??= loadPlatform(this.file());
    return this.#platform;
  }

  async paths(): Promise<StatePaths> {
    return statePaths(await this.platform());
  }

  /** The `backup` section. @throws `config-invalid` when there is none */
  async backup(): Promise<BackupConfig> {
    const { backup } = await this.platform();
    if (backup) return backup;
    throw fail('config-invalid', `${this.file()} has no \`backup\` section, and this command needs its vault`, {
      next: 'add one: docs/platform.example.yaml shows it',
    });
  }

  /** The state database; what a crash left `running` in it has been marked. @throws `state-of-another` */
  async state(): Promise<DatabaseSync> {
    if (!this.#state) {
      const [{ openPlatformState }, { markInterrupted }, { markInterruptedDrills }, platform] = await Promise.all([
        import('../platform/state.ts'),
        import('../backup/leftovers.ts'),
        import('../drill/interrupted.ts'),
        this.platform(),
      ]);
      this.#state = openPlatformState(platform);
      markInterrupted(this.#state, this.clock);
      markInterruptedDrills(this.#state, this.clock);
    }
    return this.#state;
  }

  /** How moments are written for people: in the platform's time zone. */
  async when(): Promise<When> {
    return whenIn((await this.platform()).timezone);
  }

  /** The catalog as it is shown: with why each backup is kept. */
  async backups(): Promise<ReturnType<typeof keptBackups>> {
    const [{ BackupCatalog }, { keptBackups }] = await Promise.all([
      import('../backup/catalog.ts'),
      import('../backup/kept.ts'),
    ]);
    return keptBackups(new BackupCatalog(await this.state()), await this.platform(), this.clock);
  }

  async vault(): Promise<Vault> {
    return this.#open((await this.backup()).vault);
  }

  /** What work on the vaults needs: the second one too, where there is one. */
  async vaultDeps(): Promise<VaultDeps> {
    const { vault, copy } = await this.backup();
    const db = await this.state();
    return {
      db,
      vault: await this.#open(vault),
      copy: copy && (await this.#open(copy)),
      clock: this.clock,
      progress: this.progress,
      signal: this.signal,
    };
  }

  async #open(config: VaultConfig): Promise<Vault> {
    const [{ openVault }, platform, paths] = await Promise.all([
      import('../backup/vault-open.ts'),
      this.platform(),
      this.paths(),
    ]);
    return openVault(config, { platform: platform.name, cache: paths.cache });
  }

  /** Whether there is a person to ask: not without a terminal, and not with `--json`. */
  get attended(): boolean {
    return !this.json && process.stdin.isTTY === true && process.stderr.isTTY === true;
  }

  /** What a person answers. @throws `interrupted` by Ctrl-C, or when the input ends */
  async ask(question: string): Promise<string> {
    this.progress.stop();
    const terminal = createInterface({ input: process.stdin, output: process.stderr });
    const closed = new AbortController();
    terminal.once('close', () => closed.abort());
    try {
      const answer = await terminal.question(question, { signal: AbortSignal.any([this.signal, closed.signal]) });
      return answer.trim();
    } finally {
      terminal.close();
    }
  }

  /** Asks a person; without one the answer is no. */
  async confirm(question: string): Promise<boolean> {
    return this.attended && /^y(es)?$/i.test(await this.ask(`${question} [y/N] `));
  }

  [Symbol.dispose](): void {
    this.progress.stop();
    this.#state?.close();
  }
}
