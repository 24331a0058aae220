import { mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fail, SocleError } from '../kernel/errors.ts';
import { unreadableSnapshots } from './damage.ts';
import { longPatience, type ResticContext } from './restic.ts';
import { addKey, checkRepository, freedBytes, removeKeys } from './restic-maintenance.ts';
import { readFromVault } from './restic-read.ts';
import { removeStaleLocks, runReading, runRestic } from './restic-run.ts';
import { filterOf, parseSnapshots, tagsOf } from './snapshots.ts';
import { surveyVault } from './survey.ts';
import { parseResult, startUpload } from './upload.ts';
import type { CheckResult, ItemName, Stored, Survey, Upload, Vault } from './vault.ts';

/** A vault that restic keeps. */
export class ResticVault implements Vault {
  readonly address: string;
  readonly local: boolean;
  readonly #restic: ResticContext;
  readonly #platform: string;

  constructor(restic: ResticContext, platform: string) {
    this.#restic = restic;
    this.#platform = platform;
    this.address = restic.repository.address;
    this.local = restic.repository.directory !== null;
  }

  async init(signal?: AbortSignal, like?: Vault): Promise<boolean> {
    try {
      await runRestic(this.#restic, ['cat', 'config', '--no-lock'], { signal });
      return false;
    } catch (error) {
      if (!(error instanceof SocleError) || error.code !== 'vault-absent') throw error;
    }
    const from = like instanceof ResticVault ? like.#restic : undefined;
    await runRestic(this.#restic, ['init', ...(from ? ['--copy-chunker-params'] : [])], { from, signal });
    return true;
  }

  async identify(signal?: AbortSignal): Promise<string> {
    const { id } = JSON.parse(await runRestic(this.#restic, ['cat', 'config', '--no-lock'], { signal }));
    return String(id);
  }

  upload(name: ItemName, signal?: AbortSignal): Upload {
    const args = ['backup', '--stdin', '--stdin-filename', name.file, ...this.#labels(name)];
    const upload = startUpload(this.#restic, args, signal);
    const finish = async () => {
      const { snapshot, addedBytes } = await upload.commit();
      const stored = this.#stored(snapshot, signal).then((found) => ({ ...found, addedBytes }));
      stored.catch(() => {});
      return { snapshot, path: `/${name.file}`, stored };
    };
    return {
      sink: upload.sink,
      durable: upload.durable,
      finish,
      commit: async () => (await finish()).stored,
      abort: () => upload.abort(),
    };
  }

  async putFiles(
    name: Omit<ItemName, 'file'>,
    files: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<Stored> {
    const directory = await mkdtemp(join(this.#restic.temporary, 'put-'));
    try {
      for (const [file, content] of Object.entries(files)) {
        await writeFile(join(directory, file), content, { mode: 0o600 });
      }
      const json = this.#restic.version.minor >= 17 ? ['--json'] : [];
      // No parent: restic looks for one in all snapshots, and fails at any that it cannot read.
      const args = ['backup', '--force', ...json, ...this.#labels(name), '--', ...Object.keys(files)];
      const { snapshot, addedBytes } = parseResult(
        await runRestic(this.#restic, args, { cwd: directory, signal }),
        this.#restic,
      );
      return { ...(await this.#stored(snapshot, signal)), addedBytes };
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async list(signal?: AbortSignal): Promise<Stored[]> {
    return (await this.survey(signal)).stored;
  }

  survey(signal?: AbortSignal, fresh = false): Promise<Survey> {
    return surveyVault(this.#restic, this.#platform, fresh, signal);
  }

  read(snapshot: string, path: string, signal?: AbortSignal): Readable {
    return readFromVault(this.#restic, ['dump', snapshot, path], signal);
  }

  readAtOnce(snapshot: string, path: string, signal?: AbortSignal): Readable {
    return readFromVault(this.#restic, ['dump', '--no-lock', snapshot, path], signal);
  }

  readNewest({ item, id }: Pick<ItemName, 'item' | 'id'>, path: string, signal?: AbortSignal): Readable {
    const tags = [filterOf(this.#platform), `item=${item}`, `id=${id}`].join(',');
    // A lock takes restic longer than the file does: it looks at it again after 200 ms.
    return readFromVault(this.#restic, ['dump', '--no-lock', '--tag', tags, 'latest', path], signal);
  }

  async fetch(snapshot: string, path: string, target: string, signal?: AbortSignal): Promise<number> {
    const directory = await mkdtemp(join(dirname(target), '.fetch-'));
    try {
      const args = ['restore', snapshot, '--target', directory, '--include', path, '--quiet'];
      await runReading(this.#restic, args, { signal });
      const restored = join(directory, basename(path));
      const found = await stat(restored).catch(() => null);
      if (!found) throw fail('not-found', `the snapshot ${snapshot} in the vault ${this.address} holds no ${path}`);
      await rename(restored, target);
      return found.size;
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async remove(snapshots: readonly string[], signal?: AbortSignal): Promise<number> {
    const { stored, unreadable } = await this.survey(signal);
    if (unreadable.length > 0) throw unreadableSnapshots(this.address, unreadable);
    const ours = new Set(stored.map(({ snapshot }) => snapshot));
    const present = snapshots.filter((snapshot) => ours.has(snapshot));
    if (present.length > 0) await runRestic(this.#restic, ['forget', ...present], { signal, patience: longPatience });
    // Pruned in any case: an interrupted run may have forgotten, and not come as far as here.
    return freedBytes(await runRestic(this.#restic, ['prune'], { signal, patience: longPatience }));
  }

  async check(part?: { n: number; of: number }, signal?: AbortSignal): Promise<CheckResult> {
    return checkRepository(this.#restic, part, signal);
  }

  async addKey(newPasswordFile: string, label: string, signal?: AbortSignal): Promise<string> {
    return addKey(this.#restic, newPasswordFile, label, signal);
  }

  async removeKeys(label: string, signal?: AbortSignal): Promise<number> {
    return removeKeys(this.#restic, label, signal);
  }

  async copyTo(other: Vault, snapshots: readonly string[], signal?: AbortSignal): Promise<void> {
    if (!(other instanceof ResticVault)) throw fail('internal', 'a restic vault copies to restic vaults only');
    if (snapshots.length > 0)
      await runRestic(other.#restic, ['copy', ...snapshots], {
        from: this.#restic,
        patience: longPatience,
        signal,
      });
  }

  async unlockStale(signal?: AbortSignal): Promise<void> {
    await removeStaleLocks(this.#restic, signal);
  }

  #labels(name: Omit<ItemName, 'file'>): string[] {
    return ['--host', this.#platform, '--tag', tagsOf(this.#platform, name).join(',')];
  }

  /** The snapshot that restic just named by the beginning of its id. */
  async #stored(id: string, signal: AbortSignal | undefined): Promise<Stored> {
    const printed = await runRestic(this.#restic, ['snapshots', '--json', '--no-lock', id], { signal });
    const [stored] = parseSnapshots(printed, this.#platform);
    if (stored) return stored;
    throw fail('vault-failed', `restic made snapshot ${id}, and the vault ${this.address} does not list it`);
  }
}
