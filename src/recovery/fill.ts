import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { ownFile } from '../kernel/place.ts';
import { readSecret, Secret, type SecretSource } from '../kernel/secret.ts';
import { isOnThisHost } from '../platform/off-host.ts';
import { vaultsOf } from '../platform/vaults.ts';
import { parseIdentities } from '../secrets/age.ts';
import type { CreateDeps, CreateRequest } from './create.ts';
import type { KitMachine } from './machine.ts';
import { comeBackPage } from './page.ts';
import { type Kit, type KitVault, kitFiles } from './schema.ts';
import type { SparePeer } from './spare-peer.ts';
import { sshDefaults } from './ssh-defaults.ts';
import { sshFacts } from './ssh-facts.ts';
import { databaseFiles, pathsIn, planVaultNeeds } from './vault-needs.ts';
import { hostVpnKey } from './vpn-key.ts';

const byHand = ownFile('docs/runbooks/restore-by-hand.md');

type Put = (name: string, text: string) => Promise<void>;

/** Writes the files of a kit into an empty directory, and adds its key to the vaults. */
export async function fillKit(
  id: string,
  staging: string,
  peer: SparePeer | undefined,
  request: CreateRequest,
  deps: CreateDeps,
): Promise<Kit> {
  const { platform, file, files } = request;
  const { machine } = deps;
  const put: Put = (name, text) => writeFile(join(staging, name), text, { mode: 0o600, flag: 'wx', flush: true });
  const password = new Secret(randomBytes(32).toString('base64url'));
  await put(kitFiles.password, `${password.reveal()}\n`);
  await put(kitFiles.identity, await ageIdentity(request.ageIdentity));
  deps.progress.step('reading what the vaults need');
  const [vaults, further] = await putVaults(machine, put, deps.signal);
  further.push(...(await putFiles(machine, put, deps.signal)));
  await put(basename(file), peer?.text ?? (await readFile(file, 'utf8')));
  if (platform.base !== undefined) {
    await put(platform.base, await readFile(join(dirname(resolve(file)), platform.base), 'utf8'));
  }
  if (peer) await put(kitFiles.peer, peer.config.reveal());
  const ssh = platform.host ? await sshFacts(platform.host, files.knownHosts, request.sshKey) : null;
  if (ssh && ssh.hostKeys.length > 0) await put(kitFiles.knownHosts, await readFile(files.knownHosts, 'utf8'));
  await put(kitFiles.byHand, await readFile(byHand, 'utf8'));

  deps.progress.step('adding a key to the vault');
  const granted = await machine.grant(id, password);
  const kit: Kit = {
    version: 2,
    id,
    platform: platform.name,
    createdAt: deps.clock.now().toISOString(),
    vaults: vaults.map((vault, index): KitVault => {
      const { address = vault.repository, repositoryId = '', key = '' } = granted[index] ?? {};
      return { ...vault, address, repositoryId, key };
    }),
    peer: peer?.name ?? null,
    ssh,
    files: further,
  };
  await put(kitFiles.index, `${JSON.stringify(kit, null, 2)}\n`);
  await put(kitFiles.page, comeBackPage(kit, platform));
  return kit;
}

type PlannedVault = Omit<KitVault, 'address' | 'repositoryId' | 'key'>;

/** What restic needs for each vault, taken from the machine that backs up. */
async function putVaults(machine: KitMachine, put: Put, signal?: AbortSignal): Promise<[PlannedVault[], string[]]> {
  const planned: PlannedVault[] = [];
  const further: string[] = [];
  for (const [index, config] of vaultsOf(machine.platform).entries()) {
    const number = index + 1;
    const defaults = machine.host === null ? await sshDefaults(config.repository, config.options) : undefined;
    const options = { ...config.options, ...(defaults === undefined ? {} : { 'sftp.args': defaults }) };
    const variables = new Map<string, string>();
    for (const [name, source] of Object.entries(config.environment)) {
      variables.set(name, await secretOf(machine, source, signal));
    }
    const named = [...Object.values(options), ...variables.values()].flatMap(pathsIn);
    const contents = await machine.read([...new Set(named)]);
    const needs = planVaultNeeds(number, { ...config, options }, variables, new Set(contents.keys()));
    for (const { name, from } of needs.files) await put(name, contents.get(from) ?? '');
    further.push(...needs.files.map(({ name }) => name));
    const environment: Record<string, string> = {};
    for (const [name, value] of variables) {
      if (needs.paths[name] !== undefined) continue;
      environment[name] = `vault-${number}.${name}`;
      await put(environment[name], `${value}\n`);
    }
    const onHost = machine.host !== null && isOnThisHost(config.repository);
    planned.push({ repository: config.repository, onHost, options: needs.options, environment, paths: needs.paths });
  }
  return [planned, further];
}

/** Commands are run here alone: on a host every secret is a file. */
async function secretOf(machine: KitMachine, source: SecretSource, signal?: AbortSignal): Promise<string> {
  if (machine.host === null) return (await readSecret(source, signal)).reveal();
  const file = 'file' in source ? source.file : '';
  const value = (await machine.read([file])).get(file)?.split(/\r?\n/, 1)[0] ?? '';
  if (value !== '') return value;
  throw fail('secret-missing-on-host', `the host ${machine.host} has no ${file}, or it is empty`, { file });
}

/** Passwords and certificates of databases, and the host's key in the VPN: the last two where they are there. */
async function putFiles(machine: KitMachine, put: Put, signal?: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  const { databases } = machine.platform;
  for (const { name, connection } of databases) {
    if (connection.password === undefined) continue;
    names.push(`database-${name}.password`);
    await put(`database-${name}.password`, `${await secretOf(machine, connection.password, signal)}\n`);
  }
  const wanted = [
    ...databaseFiles(databases),
    ...(machine.host === null ? [] : [{ name: kitFiles.hostKey, from: hostVpnKey }]),
  ];
  const contents = await machine.read(wanted.map(({ from }) => from));
  const there = wanted.filter(({ from }) => contents.has(from));
  for (const { name, from } of there) await put(name, contents.get(from) ?? '');
  return [...names, ...there.map(({ name }) => name)];
}

async function ageIdentity(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw fail('secret-unreadable', `your age identity ${file} could not be read (${error.code})`, {
      file,
      next: `set SOPS_AGE_KEY_FILE to the file that it is in, or make one: socle secret keygen ${file}`,
    });
  });
  parseIdentities(text);
  return text;
}
