import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The real sops: `$SOCLE_SOPS`, else `sops` in PATH; undefined where there is none. */
export const sopsProgram: string | undefined = [
  process.env.SOCLE_SOPS ?? '',
  ...(process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, 'sops')),
].find((file) => file !== '' && existsSync(file));

/** Runs it with an age identity; `home` is also the home of GnuPG. */
export function sopsWith(identity: string, home: string) {
  const env = { PATH: process.env.PATH, HOME: home, GNUPGHOME: join(home, 'gnupg'), SOPS_AGE_KEY: identity };
  const options = { env, cwd: home, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: 60_000 } as const;
  return {
    run: (args: readonly string[]) => spawnSync(sopsProgram ?? 'sops', args, options),
    text: (args: readonly string[]) =>
      execFileSync(sopsProgram ?? 'sops', args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }),
  };
}
