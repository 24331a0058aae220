import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { manifestsOf } from '../backup/read-manifest.ts';
import { openVault } from '../backup/vault-open.ts';
import { recordOperation } from '../governance/operations.ts';
import type { Clock } from '../kernel/clock.ts';
import { fail } from '../kernel/errors.ts';
import type { Progress } from '../kernel/progress.ts';
import { Secret } from '../kernel/secret.ts';
import type { Platform } from '../platform/schema.ts';
import { vaultsOf } from '../platform/vaults.ts';
import { parseIdentities } from '../secrets/age.ts';
import { publicKeyOf } from '../vpn/keys.ts';
import { type Kit, kitFiles, kitSchema } from './schema.ts';
import { noteKit } from './store.ts';

export interface ConfirmRequest {
  readonly platform: Platform;
  readonly actor: string;
  readonly from: string;
}

export interface ConfirmDeps {
  readonly db: DatabaseSync;
  readonly clock: Clock;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface ConfirmedKit {
  readonly kit: Kit;
  readonly confirmedAt: string;
  readonly vaults: ReadonlyArray<{ readonly address: string; readonly backups: number }>;
}

/**
 * Opens each vault with nothing but the kit, and reads its other files. Only a kit that would do is noted as confirmed.
 * @throws `kit-unusable`, `vault-…`
 */
export async function confirmKit(request: ConfirmRequest, deps: ConfirmDeps): Promise<ConfirmedKit> {
  const { platform, actor } = request;
  const directory = resolve(request.from);
  return recordOperation(deps.db, deps.clock, { action: 'kit.confirm', actor, subject: directory }, async () => {
    const kit = await readKit(directory, platform);
    const vaults = await openAll(kit, directory, deps);
    const now = deps.clock.now();
    noteKit(deps.db, kit, now);
    return { kit, confirmedAt: now.toISOString(), vaults };
  });
}

async function readKit(directory: string, platform: Platform): Promise<Kit> {
  const read = (name: string) =>
    readFile(join(directory, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw fail('kit-unusable', `${join(directory, name)} cannot be read (${error.code})`);
    });
  const kit = parseKit(await read(kitFiles.index));
  if (kit?.platform !== platform.name) {
    throw fail('kit-unusable', `${directory} holds no kit of ${platform.name}${kit ? `, but of ${kit.platform}` : ''}`);
  }
  for (const vault of vaultsOf(platform)) {
    if (!kit.vaults.some(({ repository }) => repository === vault.repository)) {
      throw fail('kit-unusable', 'the platform has a vault that the kit does not know: it was made before');
    }
  }
  parseIdentities(await read(kitFiles.identity));
  for (const name of [kitFiles.page, kitFiles.byHand]) await read(name);
  if (kit.peer !== null) requirePeer(kit.peer, await read(kitFiles.peer), platform);
  return kit;
}

function parseKit(text: string): Kit | undefined {
  try {
    return kitSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

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

async function openAll(kit: Kit, directory: string, deps: ConfirmDeps): Promise<ConfirmedKit['vaults']> {
  // No cache of earlier days: what answers is the vault.
  const cache = await mkdtemp(join(tmpdir(), 'socle-kit-'));
  try {
    const opened = [];
    for (const { repository, address, options, environment } of kit.vaults) {
      deps.progress.step(`opening ${address} with the kit`);
      const file = (name: string) => ({ file: join(directory, name) });
      const variables = Object.entries(environment).map(([name, source]) => [name, file(source)] as const);
      const vault = await openVault(
        { repository, options, password: file(kitFiles.password), environment: Object.fromEntries(variables) },
        { platform: kit.platform, cache },
      );
      opened.push({ address, backups: manifestsOf(await vault.list(deps.signal)).size });
    }
    return opened;
  } finally {
    await rm(cache, { recursive: true, force: true });
  }
}
