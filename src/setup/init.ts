import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fail, SocleError } from '../kernel/errors.ts';
import { readSecret, Secret } from '../kernel/secret.ts';
import type { Problem } from '../platform/explain.ts';
import { parsePlatform } from '../platform/load.ts';
import { operatorFiles, readOptional } from '../platform/operator-files.ts';
import { identityFile, newAgeKey, parseIdentities, recipientOf } from '../secrets/age.ts';
import { identityPath } from '../secrets/identities.ts';
import { newAddress } from '../vpn/addresses.ts';
import { withPeer } from '../vpn/edit-peers.ts';
import { newWireguardKeys, publicKeyOf } from '../vpn/keys.ts';
import type { Answers } from './answers.ts';
import { type NewFile, placeFiles } from './place-files.ts';
import { newPasswordFile, platformText } from './platform-text.ts';

export interface InitRequest {
  /** Where the platform file will be. */
  readonly file: string;
  readonly answers: Answers;
  readonly now: Date;
  readonly signal?: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface InitResult {
  readonly file: string;
  readonly name: string;
  readonly environment: Answers['environment'];
  /** Files that were made. */
  readonly made: readonly string[];
  /** Secrets that were there already, and stay what they are. */
  readonly kept: readonly string[];
  /** Who may open the operator's SOPS documents: `age1…`. */
  readonly recipient: string;
  readonly peers: ReadonlyArray<{ readonly name: string; readonly address: string }>;
}

/** A file for its owner alone, and whether it is new. */
interface Kept {
  readonly path: string;
  readonly made: Secret | undefined;
}

/** @throws `already-there` */
export function refuseExisting(file: string): void {
  if (existsSync(file)) throw fail('already-there', `${file} is there already`, { file });
}

/**
 * Writes a platform file and the secrets that it needs and that are not there yet: all of it or nothing. The platform
 * file comes last, so that one that is there has everything that it names.
 * @throws `already-there`, `usage` when the answers make no valid file, `secret-unreadable`
 */
export async function init({ file, answers, now, signal, env = process.env }: InitRequest): Promise<InitResult> {
  const path = resolve(file);
  refuseExisting(path);
  const age = await ageIdentity(env, now);
  const { text, peers, keys } = await withPeers(answers, file, env);
  const secrets = [...(await vaultPassword(answers, path)), age, ...keys];
  const made = secrets.flatMap(({ path, made }): NewFile[] =>
    made === undefined ? [] : [{ path, text: made, mode: 0o600 }],
  );
  const ignore = join(dirname(path), dirname(newPasswordFile), '.gitignore');
  const beside = made.some((one) => dirname(one.path) === dirname(ignore)) && !existsSync(ignore);
  const files: NewFile[] = [
    ...made,
    ...(beside ? [{ path: ignore, text: '*\n', mode: 0o644 }] : []),
    { path, text, mode: 0o644 },
  ];
  await placeFiles(files, signal);
  return {
    file,
    name: answers.name,
    environment: answers.environment,
    made: files.map((one) => one.path),
    kept: secrets.filter((one) => one.made === undefined).map((one) => one.path),
    recipient: age.recipient,
    peers,
  };
}

async function vaultPassword({ vault }: Answers, file: string): Promise<Kept[]> {
  if (vault === undefined) return [];
  const path = vault.passwordFile ?? join(dirname(file), newPasswordFile);
  if (vault.passwordFile !== undefined || existsSync(path)) {
    await readSecret({ file: path });
    return [{ path, made: undefined }];
  }
  return [{ path, made: new Secret(`${randomBytes(32).toString('base64url')}\n`) }];
}

async function ageIdentity(env: NodeJS.ProcessEnv, now: Date): Promise<Kept & { recipient: string }> {
  const path = resolve(identityPath(undefined, env));
  const text = await readOptional(path);
  const [identity] = text === undefined ? [] : parseIdentities(text);
  if (identity) return { path, made: undefined, recipient: await recipientOf(identity) };
  const key = await newAgeKey();
  return { path, made: new Secret(identityFile(key, now)), recipient: key.recipient };
}

/** The platform file with its peers, whose private keys are made here, or were by an earlier try. */
async function withPeers(answers: Answers, file: string, env: NodeJS.ProcessEnv) {
  const files = operatorFiles(answers.name, env);
  const peers: { name: string; address: string }[] = [];
  const keys: Kept[] = [];
  let text = platformText(answers);
  let { vpn } = checked(() => parsePlatform(text, file));
  for (const name of answers.peers) {
    const address = newAddress(vpn);
    const path = files.peerKey(name);
    const old = await readOptional(path);
    const pair = old === undefined ? newWireguardKeys() : undefined;
    const publicKey = pair?.publicKey ?? publicKeyOf(new Secret(old ?? ''));
    text = checked(() => withPeer(text, file, { name, public_key: publicKey, address, reaches: [] }));
    vpn = parsePlatform(text, file).vpn;
    peers.push({ name, address });
    keys.push({ path, made: pair && new Secret(`${pair.privateKey.reveal()}\n`) });
  }
  return { text, peers, keys };
}

/** The lines of a file that is not there would tell nobody anything: the keys do. */
function checked<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof SocleError) || error.code !== 'config-invalid') throw error;
    const problems = error.details.problems as Problem[];
    const lines = problems.map(
      ({ path, message, allowed }) => `${path}: ${message}${allowed === undefined ? '' : ` (allowed: ${allowed})`}`,
    );
    throw fail('usage', `this makes no valid platform file: ${lines.join('; ')}`, {}, error);
  }
}
