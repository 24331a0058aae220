import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import type { Connection } from '../../../host/connect.ts';
import { asSocleError } from '../../../kernel/errors.ts';
import { privateAddress } from '../../../vpn/addresses.ts';
import type { Look, Looks } from '../check.ts';
import { addressesOf, type PublicAddresses, publicAddresses } from './addresses.ts';
import { countArrivals } from './arrivals.ts';
import { allPorts, knownTcpPorts, knownUdpPorts, kubernetesPort } from './ports.ts';
import { readSshMethods, type SshMethods } from './ssh-methods.ts';
import { readSshOffer, type SshOffer } from './ssh-offer.ts';
import { type Answers, type ScanRequest, scanTcp } from './tcp-scan.ts';
import { readTls, type TlsFacts } from './tls.ts';
import { scanUdp } from './udp-scan.ts';

/** What a scan of one address found. */
export interface PortScan extends Answers {
  readonly address: string;
  /** How many ports were asked. */
  readonly asked: number;
  /** All that there are, or the known ones only. */
  readonly all: boolean;
}

export interface OutsideFacts {
  readonly tcp4: PortScan;
  readonly tcp6: PortScan;
  /** Both, as far as the host has such an address. */
  readonly tcp: readonly PortScan[];
  readonly udp4: PortScan;
  readonly udp6: PortScan;
  readonly sshOffer: SshOffer;
  readonly sshMethods: SshMethods;
  readonly tls: TlsFacts;
  /** HTTP status of the Kubernetes API, through the tunnel, to somebody without credentials. */
  readonly clusterApi: number;
  /** HTTP status of the daemon's API, through the tunnel. */
  readonly opsApi: number;
}

export interface OutsideOptions {
  /** The known ports only. */
  readonly quick: boolean;
  /** What was seen inside: the host's addresses, and whether the daemon is there. */
  readonly inside: Looks;
}

/** Looks at the host from this machine: its public addresses, whatever way its administrator has. */
export async function lookOutside(connection: Connection, { quick, inside }: OutsideOptions): Promise<Looks> {
  const { target, way, platform, progress, signal } = connection;
  progress.step('asking SSH what it offers');
  const [sshOffer, sshMethods, through] = await Promise.all([
    seen(() => readSshOffer(way.address, target.port)),
    seen(() => readSshMethods(target, way, signal)),
    throughTunnel(connection, inside),
  ]);
  const { system } = inside;
  const addresses: PublicAddresses =
    system && 'value' in system
      ? await ownAddresses(connection, system.value.addresses)
      : { v4: unknownAddresses, v6: unknownAddresses };
  const udp = await scan(connection, addresses, {
    title: 'asking the known UDP ports',
    run: scanUdp,
    ports: knownUdpPorts(platform),
    all: false,
    // Each question is sent three times when nothing answers.
    packets: 3,
  });
  const ports = quick ? knownTcpPorts(platform) : allPorts;
  const tcp = await scan(connection, addresses, {
    title: `asking ${quick ? 'the known' : 'all 65,535'} TCP ports`,
    run: scanTcp,
    ports,
    all: !quick,
    packets: 2,
  });
  const tls = await lookAtTls(connection, [tcp.v4, tcp.v6]);
  return {
    tcp4: tcp.v4,
    tcp6: tcp.v6,
    tcp: together(tcp.v4, tcp.v6),
    udp4: udp.v4,
    udp6: udp.v6,
    sshOffer,
    sshMethods,
    tls,
    ...through,
  };
}

const unknownAddresses = { blind: 'the addresses of the host are not known, and nothing else is scanned' };

async function ownAddresses(connection: Connection, own: readonly string[]): Promise<PublicAddresses> {
  try {
    return await publicAddresses(connection, own, await addressesOf(connection.ways.public.address));
  } catch (error) {
    const blind = { blind: `the host's public address could not be found out: ${asSocleError(error).message}` };
    return { v4: blind, v6: blind };
  }
}

interface Scan {
  readonly title: string;
  readonly run: (request: ScanRequest) => Promise<Answers>;
  readonly ports: readonly number[];
  readonly all: boolean;
  /** How many packets a silent port is sent. */
  readonly packets: number;
}

/**
 * Scans both families at once. Silence only counts when the host has received as many packets as were sent: else
 * something on the way held them back, and nobody has looked.
 */
async function scan(connection: Connection, addresses: PublicAddresses, { title, run, ports, all, packets }: Scan) {
  const { progress, signal } = connection;
  const looks = [addresses.v4, addresses.v6];
  const there = looks.flatMap((look) => ('value' in look ? [look.value] : []));
  if (there.length > 0) progress.step(`${title} of ${there.join(' and ')}`);
  const before = await seen(() => countArrivals(connection));
  const done = new Map<string, number>();
  const one = (look: Look<string>): Promise<Look<PortScan>> | Look<PortScan> => {
    if (!('value' in look)) return look;
    const address = look.value;
    const asked = (count: number) => {
      done.set(address, count);
      const sum = [...done.values()].reduce((total, each) => total + each, 0);
      if (sum % 64 === 0 || count === ports.length) progress.update(sum, ports.length * there.length);
    };
    return seen(async () => ({
      address,
      asked: ports.length,
      all,
      ...(await run({ address, ports, asked, signal })),
    }));
  };
  const [v4, v6] = await Promise.all([one(addresses.v4), one(addresses.v6)]);
  const after = await seen(() => countArrivals(connection));
  signal?.throwIfAborted();
  const arrived = (family: 'v4' | 'v6'): Look<number> => {
    if (!('value' in before)) return before;
    return 'value' in after ? { value: after.value[family] - before.value[family] } : after;
  };
  return { v4: believed(v4, arrived('v4'), packets), v6: believed(v6, arrived('v6'), packets) };
}

/** What both families show; blind when one of them is. */
function together(...looks: readonly Look<PortScan>[]): Look<readonly PortScan[]> {
  const blind = looks.find((look) => 'blind' in look);
  if (blind) return blind;
  const value = looks.flatMap((look) => ('value' in look ? [look.value] : []));
  return value.length === 0 ? { nothing: 'the host has no public address' } : { value };
}

/** A scan whose packets did not arrive says nothing. */
export function believed(look: Look<PortScan>, arrived: Look<number>, packets: number): Look<PortScan> {
  if (!('value' in look)) return look;
  if (!('value' in arrived)) return { blind: `nobody knows whether the questions arrived: ${Object.values(arrived)}` };
  const { address, asked, open, closed } = look.value;
  const answered = open.length + closed.length;
  const sent = answered + (asked - answered) * packets;
  if (arrived.value >= sent * 0.9) return look;
  const what = `of ${sent} packets that asked ${address}, the host received ${arrived.value}`;
  return { blind: `${what}: something on the way holds them back, so that silence says nothing` };
}

async function lookAtTls({ platform }: Connection, scans: readonly Look<PortScan>[]): Promise<Look<TlsFacts>> {
  const values = scans.flatMap((look) => ('value' in look ? [look.value] : []));
  const blind = scans.find((look) => 'blind' in look);
  const open = values.find((one) => one.open.includes(443));
  if (open) {
    const name = platform.host?.address;
    return seen(() => readTls(open.address, 443, name === undefined || isIP(name) ? undefined : name));
  }
  return blind ?? { nothing: 'nothing answers on TCP port 443 in public' };
}

async function throughTunnel({ platform, way }: Connection, inside: Looks) {
  const address = privateAddress(platform.vpn);
  const down = 'the VPN is not up on this machine, so that nothing can be asked through it';
  const daemon = inside.services;
  const ops = daemon && 'value' in daemon && daemon.value['socle.service'].load === 'loaded';
  const ask = async (url: string, nothing: string | undefined): Promise<Look<number>> =>
    nothing === undefined ? seen(() => statusOf(url)) : { nothing };
  const where = way.kind === 'vpn' ? undefined : down;
  const [clusterApi, opsApi] = await Promise.all([
    ask(
      `https://${address}:${kubernetesPort(platform)}/readyz`,
      platform.cluster ? where : 'the platform has no cluster',
    ),
    ask(`http://${address}:${platform.ops.listen.port}/v1/health`, ops ? where : 'the daemon is not installed'),
  ]);
  return { clusterApi, opsApi };
}

/** HTTP status, whoever vouches for the certificate: who answers at this address has shown its SSH host key. */
function statusOf(url: string): Promise<number> {
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const sent = send(url, { rejectUnauthorized: false, timeout: 8_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    sent.once('timeout', () => sent.destroy(new Error(`${url} did not answer within 8 s`)));
    sent.once('error', reject);
    sent.end();
  });
}

/** What a probe saw, or why it saw nothing. */
async function seen<T>(work: () => Promise<T>): Promise<Look<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { blind: asSocleError(error).message };
  }
}
