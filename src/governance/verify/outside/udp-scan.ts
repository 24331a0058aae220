import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answers, ScanRequest } from './tcp-scan.ts';

/** Milliseconds between the questions, and for the last answer. */
const pauses = [400, 400, 1_200] as const;

/** What makes a service of that port answer; to others an empty line. */
const questions: Readonly<Record<number, Buffer>> = {
  // DNS: the version of the server (RFC 4892).
  53: hex('736f 0100 0001 0000 0000 0000 07 76657273696f6e 04 62696e64 00 0010 0003'),
  // rpcbind: call of the null procedure (RFC 5531).
  111: hex('736f636c 00000000 00000002 000186a0 00000002 00000000 0000000000000000 0000000000000000'),
  // NTP: version 4, client (RFC 5905).
  123: Buffer.concat([hex('23'), Buffer.alloc(47)]),
  // NetBIOS: status of the node (RFC 1002).
  137: Buffer.concat([
    hex('736f 0000 0001 0000 0000 0000 20'),
    Buffer.from('CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'),
    hex('00 0021 0001'),
  ]),
  // SNMP version 1: `get` of the system's description, community public (RFC 1157).
  161: hex('3026 020100 0406 7075626c6963 a019 0201 01 0201 00 0201 00 300e 300c 0608 2b06010201010100 0500'),
  // IKE version 2: a header that asks for an error (RFC 7296).
  500: Buffer.concat([hex('736f636c65736f63 0000000000000000 2120 2208 00000000 0000001c')]),
  // SSDP.
  1900: Buffer.from(
    'M-SEARCH * HTTP/1.1\r\nHost:239.255.255.250:1900\r\nST:ssdp:all\r\nMan:"ssdp:discover"\r\nMX:1\r\n\r\n',
  ),
  // mDNS: which services there are (RFC 6763).
  5353: hex(
    '0000 0000 0001 0000 0000 0000 09 5f7365727669636573 07 5f646e732d7364 04 5f756470 05 6c6f63616c 00 000c 0001',
  ),
  // memcached: its frame of UDP, and a command.
  11211: Buffer.concat([hex('0000 0000 0001 0000'), Buffer.from('version\r\n')]),
};

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

/** Asks UDP ports of one address. @throws what says that this machine cannot send there */
export async function scanUdp({ address, ports, asked, signal }: ScanRequest): Promise<Answers> {
  let done = 0;
  const answers = await Promise.all(
    ports.map(async (port) => {
      const answer = await ask(address, port, signal);
      done += 1;
      asked(done);
      return { port, answer };
    }),
  );
  const which = (wanted: string) => answers.flatMap(({ port, answer }) => (answer === wanted ? [port] : []));
  return { open: which('open'), closed: which('closed') };
}

async function ask(address: string, port: number, signal: AbortSignal | undefined): Promise<string> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  try {
    const answered = new Promise<string>((resolve, reject) => {
      socket.once('message', () => resolve('open'));
      // An ICMP message that the port is unreachable.
      socket.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNREFUSED' ? resolve('closed') : reject(error),
      );
    });
    answered.catch(() => {});
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(port, address, () => resolve());
    });
    for (const pause of pauses) {
      socket.send(questions[port] ?? Buffer.from('\n'), () => {});
      const answer = await Promise.race([answered, sleep(pause, 'silent', { signal })]);
      if (answer !== 'silent') return answer;
    }
    return 'silent';
  } finally {
    socket.close();
  }
}
