import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { run } from '../kernel/process.ts';

/**
 * What ssh of this user would reach an SFTP vault with, in so many words: its keys without a passphrase, its known hosts,
 * and what `~/.ssh/config` says of the name. Undefined where the options say it, and for vaults that ssh does not reach.
 */
export async function sshDefaults(
  repository: string,
  options: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  if (options['sftp.args'] !== undefined || options['sftp.command'] !== undefined) return undefined;
  const host = /^sftp:(?:\/\/)?(?:[^@/:]+@)?(\[[^\]]+\]|[^:/]+)/.exec(repository)?.[1]?.replace(/^\[|\]$/g, '');
  if (host === undefined) return undefined;
  const { stdout } = await run('ssh', ['-G', '--', host]);
  const values = (name: string) =>
    [...stdout.matchAll(new RegExp(`^${name} (.+)$`, 'gm'))].map(([, value = '']) =>
      value.replace(/^~(?=\/)/, homedir()),
    );
  const words: string[] = [];
  for (const file of values('identityfile')) if (await opensAlone(file)) words.push('-i', file);
  const known = values('userknownhostsfile')
    .flatMap((line) => line.split(' '))
    .filter((file) => existsSync(file));
  if (known[0]) words.push('-o', `UserKnownHostsFile=${known[0]}`);
  for (const [option, name] of [
    ['HostName', 'hostname'],
    ['User', 'user'],
    ['Port', 'port'],
    ['HostKeyAlias', 'hostkeyalias'],
  ] as const) {
    const [value] = values(name);
    // What the address of the vault says wins over it: ssh takes the first value that it gets.
    if (value !== undefined) words.push('-o', `${option}=${value}`);
  }
  return words.join(' ');
}

/** A key with a passphrase, or one that an agent alone holds, opens nothing in the hands of somebody else. */
async function opensAlone(file: string): Promise<boolean> {
  if (!existsSync(file)) return false;
  const { exitCode } = await run('ssh-keygen', ['-y', '-P', '', '-f', file], {
    accept: Array.from({ length: 256 }, (_, n) => n),
  });
  return exitCode === 0;
}
