import { homedir } from 'node:os';
import { fingerprint } from '../host/host-key.ts';
import { run } from '../kernel/process.ts';
import { readOptional } from '../platform/operator-files.ts';
import type { HostConfig } from '../platform/schema.ts';
import type { Kit } from './schema.ts';

/** Names and fingerprints of the SSH keys that may log in, and of the host's own ones. No private key is read. */
export async function sshFacts(
  { address, user, port }: HostConfig,
  knownHosts: string,
  key: string | undefined,
): Promise<NonNullable<Kit['ssh']>> {
  const keys: string[] = [];
  for (const file of key === undefined ? await offered(address, user, port) : [key]) {
    const print = await printOf(`${file}.pub`);
    if (print !== undefined || key !== undefined) keys.push([file, print].filter(Boolean).join(' '));
  }
  const known = (await readOptional(knownHosts)) ?? '';
  const hostKeys = known.split('\n').flatMap((line) => {
    const [, type = '', base64 = ''] = line.split(' ');
    return base64 === '' ? [] : [`${type} ${fingerprint(base64)}`];
  });
  return { keys, hostKeys };
}

/** The files that ssh itself would try. */
async function offered(address: string, user: string, port: number): Promise<string[]> {
  const { stdout } = await run('ssh', ['-G', '-l', user, '-p', String(port), '--', address]);
  return [...stdout.matchAll(/^identityfile (.+)$/gm)].map(([, file = '']) => file.replace(/^~(?=\/)/, homedir()));
}

async function printOf(file: string): Promise<string | undefined> {
  const [, base64] = ((await readOptional(file)) ?? '').split(' ');
  return base64 === undefined ? undefined : fingerprint(base64);
}
