import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fail, SocleError } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';
import type { Secret } from '../kernel/secret.ts';
import { parseIdentities } from './age.ts';
import type { Identities } from './unwrap.ts';

/** How long a command of `SOPS_AGE_KEY_CMD` may take, in milliseconds: it may ask a person. */
const commandTimeout = 120_000;

/** Where sops looks by itself. */
const defaultPath = (env: NodeJS.ProcessEnv) =>
  join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'sops/age/keys.txt');

/** Where the operator's age identities are: `file`, else `SOPS_AGE_KEY_FILE`, else `~/.config/sops/age/keys.txt` as for sops. */
export function identityPath(file: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  return file ?? (env.SOPS_AGE_KEY_FILE || defaultPath(env));
}

async function readIdentityFile(path: string): Promise<Secret[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw fail('secret-unreadable', `the identity file ${path} could not be read (${error.code})`, { file: path });
  });
  return parseIdentities(text);
}

/** Words as in a shell, without expansion: quotes and backslashes (sops uses `shlex`). */
function words(command: string): string[] {
  const found: string[] = [];
  const word = /(?:[^\s'"\\]|\\[\s\S]|'[^']*'|"(?:[^"\\]|\\[\s\S])*")+/g;
  for (const [text] of command.matchAll(word)) {
    found.push(
      text.replace(
        /\\([\s\S])|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"/g,
        (_, one, single, double) => one ?? single ?? double.replace(/\\(["\\])/g, '$1'),
      ),
    );
  }
  return found;
}

async function fromCommand(command: string, recipients: readonly string[]): Promise<Secret[]> {
  const [program, ...args] = words(command);
  if (program === undefined) return [];
  const found: Secret[] = [];
  for (const recipient of recipients) {
    const env = { ...process.env, SOPS_AGE_RECIPIENT: recipient };
    const { stdout } = await run(program, args, { env, timeout: commandTimeout, sensitive: true });
    found.push(...parseIdentities(stdout));
  }
  return found;
}

/**
 * The operator's age identities for a document: those of `file`, else as sops takes them all together, from
 * `SOPS_AGE_KEY`, `SOPS_AGE_KEY_FILE`, `SOPS_AGE_KEY_CMD` and `~/.config/sops/age/keys.txt`.
 * @throws `secret-unreadable`, `secret-key-invalid`, when none is there
 */
export function identitiesFrom(file: string | undefined, env: NodeJS.ProcessEnv = process.env): Identities {
  return async (recipients) => {
    if (file !== undefined) return readIdentityFile(file);
    const sources: Array<() => Promise<Secret[]>> = [];
    if (env.SOPS_AGE_KEY) sources.push(async () => parseIdentities((env.SOPS_AGE_KEY ?? '').split(/\s+/).join('\n')));
    const { SOPS_AGE_KEY_FILE: path, SOPS_AGE_KEY_CMD: command } = env;
    if (path) sources.push(() => readIdentityFile(path));
    if (command) sources.push(() => fromCommand(command, recipients));
    sources.push(() => readIdentityFile(defaultPath(env)));
    const found: Secret[] = [];
    let first: unknown;
    for (const source of sources) {
      try {
        found.push(...(await source()));
      } catch (error) {
        if (!(error instanceof SocleError)) throw error;
        first ??= error;
      }
    }
    if (found.length > 0) return found;
    if (env.SOPS_AGE_SSH_PRIVATE_KEY_FILE || env.SOPS_AGE_SSH_PRIVATE_KEY_CMD) {
      throw fail(
        'secret-key-missing',
        'SSH keys as age identities are not supported: give an age identity, or use sops',
      );
    }
    throw first;
  };
}
