import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { recordOperation } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { readSecret, Secret } from '../kernel/secret.ts';
import { type OperatorFiles, readOptional } from '../platform/operator-files.ts';
import type { Platform } from '../platform/schema.ts';
import { vaultsOf } from '../platform/vaults.ts';
import { parseIdentities } from '../secrets/age.ts';
import { publicKeyOf } from '../vpn/keys.ts';
import { whyUnconfirmed } from './judge.ts';
import type { KitMachine } from './machine.ts';
import { openWithKit } from './open-kit.ts';
import { type Kit, kitFiles, kitSchema } from './schema.ts';
import { noteKit } from './store.ts';

export interface ConfirmRequest {
  readonly platform: Platform;
  readonly actor: string;
  readonly from: string;
  readonly files: OperatorFiles;
}

export interface ConfirmDeps {
  /** The machine that backs up: what the kit opens has to be what it backs up into. */
  readonly machine: KitMachine;
  readonly db: DatabaseSync;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface ConfirmedKit {
  readonly kit: Kit;
  readonly confirmedAt: string;
  readonly vaults: ReadonlyArray<{
    readonly address: string;
    readonly repositoryId: string;
    readonly backups: number;
    /** The newest backup of the machine that backs up, read with the kit. */
    readonly newest: string | null;
    /** A directory of the host: opened there, and lost with it. */
    readonly onHost: boolean;
  }>;
}

/**
 * Opens each vault with nothing but the kit, and reads its other files. A kit is confirmed when what it opens is the very
 * repository that backups go into, with the newest backup in it; the machine that backs up says which those are.
 * @throws `kit-unusable`, `vault-…`, and with a host what reaching it throws
 */
export async function confirmKit(request: ConfirmRequest, deps: ConfirmDeps): Promise<ConfirmedKit> {
  const { actor } = request;
  const directory = resolve(request.from);
  return recordOperation(deps.db, deps.clock, { action: 'kit.confirm', actor, subject: directory }, async () => {
    const kit = await readKit(directory, request, deps.machine);
    const vaults = await openAll(kit, directory, deps);
    const now = deps.clock.now();
    await deps.machine.note(kit, now);
    if (deps.machine.host !== null) noteKit(deps.db, kit, now);
    return { kit, confirmedAt: now.toISOString(), vaults };
  });
}

async function readKit(directory: string, { platform, files }: ConfirmRequest, machine: KitMachine): Promise<Kit> {
  const read = async (name: string) => {
    const text = await readFile(join(directory, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw fail('kit-unusable', `${join(directory, name)} cannot be read (${error.code})`);
    });
    if (text.trim() === '') throw fail('kit-unusable', `${join(directory, name)} is empty`);
    return text;
  };
  const index = await read(kitFiles.index);
  const kit = parseKit(index);
  if (kit?.platform !== platform.name) {
    const why = kit ? `, but of ${kit.platform}` : isOlder(index) ? ': an older Socle made it. Make a new one' : '';
    throw fail('kit-unusable', `${directory} holds no kit of ${platform.name}${why}`);
  }
  for (const vault of vaultsOf(machine.platform)) {
    if (!kit.vaults.some(({ repository }) => repository === vault.repository)) {
      throw fail('kit-unusable', 'the platform has a vault that the kit does not know: it was made before');
    }
  }
  parseIdentities(await read(kitFiles.identity));
  for (const name of [kitFiles.page, kitFiles.byHand, ...kit.files]) await read(name);
  if (kit.peer !== null) requirePeer(kit.peer, await read(kitFiles.peer), platform);
  if (machine.host !== null) await requireHostKey(kit, read, files);
  return kit;
}

function parseKit(text: string): Kit | undefined {
  try {
    return kitSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const isOlder = (text: string) => /"version": 1\b/.test(text);

/** The host lets the spare peer in by what the platform file says of it. */
function requirePeer(name: string, config: string, platform: Platform): void {
  const key = /^PrivateKey = (.+)$/m.exec(config)?.[1] ?? '';
  const publicKey = publicKeyOf(new Secret(key));
  if (platform.vpn.peers.some((peer) => peer.name === name && peer.public_key === publicKey)) return;
  throw fail(
    'kit-unusable',
    `the platform file has no peer ${name} with the key of the kit: the host would not let it in`,
  );
}

/** With it the next host is the same to every peer. */
async function requireHostKey(kit: Kit, read: (name: string) => Promise<string>, files: OperatorFiles): Promise<void> {
  if (!kit.files.includes(kitFiles.hostKey)) {
    throw fail('kit-unusable', 'the kit does not hold the host’s key in the VPN: make a new one');
  }
  const publicKey = publicKeyOf(new Secret((await read(kitFiles.hostKey)).trim()));
  if (publicKey === (await readOptional(files.hostPublicKey))) return;
  throw fail('kit-unusable', 'the host has another key in the VPN than the kit: it was made for another host');
}

async function openAll(kit: Kit, directory: string, deps: ConfirmDeps): Promise<ConfirmedKit['vaults']> {
  const { machine, progress, signal } = deps;
  progress.step(machine.host === null ? 'looking at the vaults' : `asking ${machine.host} what it backs up into`);
  const host = await machine.witness();
  const password = await readSecret({ file: join(directory, kitFiles.password) });
  const opened = [];
  for (const [index, config] of vaultsOf(machine.platform).entries()) {
    const vault = kit.vaults.find(({ repository }) => repository === config.repository);
    const witnessed = host[index];
    if (vault === undefined || witnessed === undefined) continue;
    const { address, onHost } = vault;
    progress.step(`opening ${address} with the kit`);
    const found = onHost
      ? await machine.open(index, password)
      : await openWithKit(vault, directory, kit.platform, signal);
    const why = whyUnconfirmed(vault, witnessed, found);
    if (why !== undefined) throw fail('kit-unusable', why, { next: nextOf(witnessed.newest, index) });
    const { repositoryId, backups } = found;
    opened.push({ address, repositoryId, backups: backups.length, newest: witnessed.newest, onHost });
  }
  return opened;
}

/** What to do about one that could not be confirmed; the table's advice when undefined. */
function nextOf(newest: string | null, index: number): string {
  if (newest !== null) return 'make a new kit with `socle kit create`, and confirm that one';
  return index === 0
    ? 'take a backup first: `socle backup run`; then confirm the kit again'
    : 'fill the second vault first: `socle vault copy`; then confirm the kit again';
}
