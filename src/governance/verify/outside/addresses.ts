import { lookup } from 'node:dns/promises';
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { Connection } from '../../../host/connect.ts';
import { tolerable } from '../../../host/settle.ts';
import { execAsRoot } from '../../../host/ssh.ts';
import { SocleError } from '../../../kernel/errors.ts';
import type { Look } from '../check.ts';

/** The public addresses of the host that are asked from outside. */
export interface PublicAddresses {
  readonly v4: Look<string>;
  readonly v6: Look<string>;
}

/** Nobody outside reaches these (RFC 1918, 3927, 4193, 6598). */
const local = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
] as const) {
  local.addSubnet(network, prefix, 'ipv4');
}
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');

const isPublic = (address: string) => !local.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/**
 * Which addresses may be scanned: those that the host itself says it has, and the one of the platform file when the
 * known SSH host key answers there (a provider may translate it). Never one that might be somebody else's.
 */
export async function publicAddresses(
  connection: Connection,
  own: readonly string[],
  named: readonly string[],
): Promise<PublicAddresses> {
  const mine = own.filter(isPublic);
  const choose = async (is: (address: string) => boolean, family: string): Promise<Look<string>> => {
    const wanted = named.find(is);
    if (wanted !== undefined) {
      if (own.includes(wanted) || (await showsKnownKey(connection, wanted))) return { value: wanted };
      const why = `${wanted} is not an address of the host, and its SSH host key does not answer there`;
      return { blind: `${why}: it may belong to somebody else, and was not scanned` };
    }
    const found = mine.find(is);
    return found === undefined ? { nothing: `the host has no public ${family} address` } : { value: found };
  };
  return { v4: await choose(isIPv4, 'IPv4'), v6: await choose(isIPv6, 'IPv6') };
}

/** Addresses of `host.address`. @throws when the name has none */
export async function addressesOf(name: string): Promise<string[]> {
  const bare = name.replace(/^\[(.*)\]$/, '$1');
  const found = await lookup(bare, { all: true });
  return found.map(({ address }) => address);
}

async function showsKnownKey({ target, signal }: Connection, address: string): Promise<boolean> {
  const asked = execAsRoot(target, { kind: 'public', address }, 'true', { timeout: 20_000, signal });
  const answer = await asked.catch((error: unknown) => {
    if (error instanceof SocleError && error.code === 'host-key-changed') return undefined;
    return tolerable(error);
  });
  return answer !== undefined;
}
