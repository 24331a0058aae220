import { createHash } from 'node:crypto';
import { fail } from '../kernel/errors.ts';
import { lastLines, run } from '../kernel/process.ts';
import { readOptional, writePrivate } from '../platform/operator-files.ts';
import { hostKeyAlias, noSuchName } from './ssh.ts';

export interface FirstContact {
  readonly platform: string;
  readonly address: string;
  readonly port: number;
  readonly knownHosts: string;
  /** What the key has to be, from a flag or the platform file. */
  readonly expected: string | undefined;
  /** Asks a person whether the fingerprint is right. */
  readonly confirm: (question: string) => Promise<boolean>;
}

/** `SHA256:…` as ssh-keygen(1) prints it, of a key in base64. */
export function fingerprint(base64: string): string {
  return `SHA256:${createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Makes the host's key known: at first contact it has to be the one expected, or a person has to say yes. Later it never
 * changes by itself.
 * @throws `host-unknown`, `host-unreachable`, `host-key-unknown`, `host-key-changed`
 */
export async function knowHost(contact: FirstContact): Promise<void> {
  const { platform, address, port, knownHosts, expected } = contact;
  const known = await readOptional(knownHosts);
  if (known !== undefined) {
    const keys = known.split('\n').map((line) => fingerprint(line.split(' ')[2] ?? ''));
    if (expected === undefined || keys.includes(expected)) return;
    throw fail('host-key-changed', `the platform file expects ${expected}, and ${knownHosts} holds ${keys.join(', ')}`);
  }
  const keys = await scan(address, port);
  const chosen = expected === undefined ? keys[0] : keys.find(({ print }) => print === expected);
  if (!chosen) {
    const found = keys.map(({ print }) => print).join(', ');
    throw fail('host-key-changed', `${address} shows ${found}, and ${expected} was expected`, { found, expected });
  }
  const question = `${address} is new. Its ${chosen.type} key is ${chosen.print}. Is that what the provider’s console shows?`;
  if (expected === undefined && !(await contact.confirm(question))) {
    throw fail('host-key-unknown', `${address} shows the key ${chosen.print} (${chosen.type})`, {
      fingerprint: chosen.print,
    });
  }
  await writePrivate(knownHosts, `${hostKeyAlias(platform)} ${chosen.type} ${chosen.base64}\n`);
}

/** The host's keys, Ed25519 first. */
async function scan(address: string, port: number) {
  const args = ['-T', '8', '-p', String(port), '-t', 'ed25519,ecdsa,rsa', address];
  const { stdout, stderr } = await run('ssh-keyscan', args, { accept: [0, 1] });
  const keys = stdout.split('\n').flatMap((line) => {
    const [, type = '', base64 = ''] = line.split(' ');
    return line.startsWith('#') || base64 === '' ? [] : [{ type, base64, print: fingerprint(base64) }];
  });
  if (keys.length > 0) return keys.sort((a, b) => order(a.type) - order(b.type));
  if (noSuchName(stderr)) throw fail('host-unknown', `no address is known for ${address}`, { address, port });
  const details = { address, port, output: lastLines(stderr, 4) };
  throw fail('host-unreachable', `${address} shows no SSH host key on port ${port}`, details);
}

const order = (type: string) => ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ssh-rsa'].indexOf(type);
