import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { replaceFile } from '../kernel/replace-file.ts';

/** What the operator's machine remembers of a platform, outside Git: `~/.config/socle/<platform>/`, mode 0700. */
export interface OperatorFiles {
  readonly directory: string;
  /** The host's SSH key. */
  readonly knownHosts: string;
  readonly peerKey: (name: string) => string;
  readonly peerConfig: (name: string) => string;
  /** The host's public WireGuard key, once `socle up` has seen it. */
  readonly hostPublicKey: string;
  /** For kubectl. */
  readonly kubeconfig: string;
}

export function operatorFiles(platform: string, env: NodeJS.ProcessEnv = process.env): OperatorFiles {
  const directory = join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'socle', platform);
  return {
    directory,
    knownHosts: join(directory, 'known_hosts'),
    peerKey: (name) => join(directory, `peer-${name}.key`),
    // wg-quick makes an interface of the file's name, and the kernel keeps that to 15 characters.
    peerConfig: (name) => join(directory, `${name.length > 10 ? name : `peer-${name}`}.conf`),
    hostPublicKey: join(directory, 'wireguard.pub'),
    kubeconfig: join(directory, 'kubeconfig'),
  };
}

/** Its text without the last line break; undefined when it is not there. */
export async function readOptional(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trimEnd();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Writes a file of mode 0600, and its directory of mode 0700. A full disk leaves the previous one whole. `new` fails when
 * it is there already.
 */
export async function writePrivate(file: string, text: string, mode: 'new' | 'replace' = 'replace'): Promise<void> {
  await mkdir(join(file, '..'), { recursive: true, mode: 0o700 });
  if (mode === 'replace') return replaceFile(file, text, { enforceMode: true });
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}
