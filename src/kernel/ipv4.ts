/** An IPv4 network such as 10.8.0.0/24. */
export interface Ipv4Network {
  /** Its first address, as a number. */
  readonly base: number;
  readonly prefix: number;
}

/** An address as a number; undefined when it is none. Leading zeros are refused: some programs read them as octal. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatIpv4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** A network; undefined when the text is none, or when its address is not the first of the network. */
export function parseNetwork(text: string): Ipv4Network | undefined {
  const [, address = '', length = ''] = /^([\d.]+)\/(\d|[12]\d|3[0-2])$/.exec(text) ?? [];
  const base = parseIpv4(address);
  const prefix = Number(length);
  if (base === undefined || length === '' || base % 2 ** (32 - prefix) !== 0) return undefined;
  return { base, prefix };
}

export function contains(network: Ipv4Network, address: number): boolean {
  return address >= network.base && address < network.base + 2 ** (32 - network.prefix);
}

export const overlap = (one: Ipv4Network, other: Ipv4Network): boolean =>
  contains(one, other.base) || contains(other, one.base);

/** Addresses that a host of the network may have: neither the first nor the last one. */
export function* hosts({ base, prefix }: Ipv4Network): Generator<number> {
  for (let address = base + 1; address < base + 2 ** (32 - prefix) - 1; address += 1) yield address;
}

const known = (text: string): Ipv4Network => {
  const network = parseNetwork(text);
  if (!network) throw new RangeError(`${text} is no network`);
  return network;
};
/** RFC 1918, and the shared addresses of RFC 6598. */
const privateNetworks = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'].map(known);
/** RFC 6890: this network, link-local, multicast, reserved and broadcast. */
const unusable = ['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'].map(known);

/** All of it may be used inside a network of one's own. */
export const isPrivateNetwork = (network: Ipv4Network): boolean =>
  privateNetworks.some((one) => one.prefix <= network.prefix && contains(one, network.base));

/** No host can be reached at such an address. */
export const isUnusable = (address: number): boolean => unusable.some((one) => contains(one, address));

/** The network that an address with host bits lies in, such as 10.8.0.0/24 for 10.8.0.1/24; undefined when it is none. */
export function withoutHostBits(text: string): string | undefined {
  const [address = '', prefix = ''] = text.split('/');
  const number = parseIpv4(address);
  if (number === undefined || !/^(\d|[12]\d|3[0-2])$/.test(prefix)) return undefined;
  const size = 2 ** (32 - Number(prefix));
  return `${formatIpv4(number - (number % size))}/${prefix}`;
}
