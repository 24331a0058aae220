import { mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { readRepository } from '../backup/repository.ts';
import { recordOperation } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { editFile } from '../kernel/edit-file.ts';
import { asSocleError, fail } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Progress } from '../kernel/progress.ts';
import type { OperatorFiles } from '../platform/operator-files.ts';
import type { Platform } from '../platform/schema.ts';
import { vaultsOf } from '../platform/vaults.ts';
import { withoutPeer } from '../vpn/edit-peers.ts';
import { fillKit } from './fill.ts';
import type { KitMachine } from './machine.ts';
import { kitDirectory } from './place.ts';
import { type Kit, kitFiles } from './schema.ts';
import { type SparePeer, sparePeer } from './spare-peer.ts';
import { noteKit } from './store.ts';

export interface CreateRequest {
  readonly platform: Platform;
  readonly actor: string;
  /** The platform file: the spare peer is written into it. */
  readonly file: string;
  readonly to: string;
  readonly stateRoot: string;
  readonly files: OperatorFiles;
  /** The operator's age identity file. */
  readonly ageIdentity: string;
  /** The SSH key that logs in, where it is not one that ssh offers by itself. */
  readonly sshKey: string | undefined;
}

export interface CreateDeps {
  /** The machine that backs up. */
  readonly machine: KitMachine;
  /** The state of this machine, for the audit trail. */
  readonly db: DatabaseSync;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface CreatedKit {
  readonly directory: string;
  readonly kit: Kit;
  /** What the operator has to know of the medium. */
  readonly warnings: readonly string[];
}

/**
 * Makes a recovery kit: a directory of files of mode 0600, and in each vault a key that only the kit has. It is made
 * beside its place and moved there whole. When it fails, its keys leave the vaults again.
 * @throws `already-there`, `usage`, `not-found` before the first `socle up`, `secret-…`, `vault-…`, and with a host what
 *   reaching it throws
 */
export async function createKit(request: CreateRequest, deps: CreateDeps): Promise<CreatedKit> {
  const { platform, actor, stateRoot } = request;
  const { machine } = deps;
  const here = machine.host === null ? vaultsOf(machine.platform) : [];
  const directory = kitDirectory(request.to, [
    { what: 'the state directory', directory: stateRoot },
    ...here.flatMap(({ repository }) => {
      const { directory: local } = readRepository(repository, new Map());
      return local === null ? [] : [{ what: 'the vault', directory: local }];
    }),
  ]);
  const start = { action: 'kit.create', actor, subject: directory };
  return recordOperation(deps.db, deps.clock, start, async () => {
    const peer = await sparePeer(platform, request.file, request.files);
    const staging = await mkdtemp(`${directory}.part-`);
    const id = newId('k', deps.clock.now());
    try {
      const kit = await fillKit(id, staging, peer, request, deps);
      deps.signal?.throwIfAborted();
      const warnings = (await keepsPermissions(staging)) ? [] : [withoutPermissions(directory)];
      await settle(staging, directory, peer, request.file);
      await machine.note(kit, null);
      if (machine.host !== null) noteKit(deps.db, kit, null);
      return { directory, kit, warnings };
    } catch (error) {
      // A key that was added for a kit that will never be would open the vault with a password that nobody has.
      const kept = await machine.takeBack(id).catch((reason: unknown) => [asSocleError(reason).message]);
      for (const text of kept) deps.progress.note(text);
      throw error;
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  });
}

/** A file system such as FAT lets everybody on the machine read what is on it, whatever mode was asked for. */
async function keepsPermissions(directory: string): Promise<boolean> {
  return ((await stat(join(directory, kitFiles.password))).mode & 0o077) === 0;
}

const withoutPermissions = (directory: string) =>
  `the medium of ${directory} keeps no permissions (FAT, most likely): where it is mounted, everybody on that machine can ` +
  'read the kit. Unmount it at once, and keep it locked away; an encrypted stick is better';

/** The platform file first: a peer that nobody has the key of does no harm, a kit whose peer is unknown does. */
async function settle(staging: string, directory: string, peer: SparePeer | undefined, file: string): Promise<void> {
  if (peer) {
    await editFile(file, (text) => {
      if (text === peer.before) return peer.text;
      throw fail('busy', `${file} changed while the kit was made; no kit was made`, { next: 'run it again' });
    });
  }
  try {
    await rename(staging, directory);
  } catch (error) {
    if (peer) await editFile(file, (text) => (text === peer.text ? peer.before : withoutPeer(text, file, peer.name)));
    throw error;
  }
}
