import { createSocket } from 'node:dgram';

/** Run with Node inside a namespace: an SNTP server (RFC 4330) at the address given. Prints `ready`. */
const [address = ''] = process.argv.slice(2);

/** Seconds between 1900, where NTP counts from, and 1970. */
const epoch = 2_208_988_800;

/** Now, as 32 bits of seconds and 32 bits of their fraction. */
function writeNow(packet: Buffer, offset: number): void {
  const now = Date.now();
  packet.writeUInt32BE(Math.floor(now / 1_000) + epoch, offset);
  packet.writeUInt32BE(Math.floor(((now % 1_000) / 1_000) * 2 ** 32), offset + 4);
}

const server = createSocket('udp4');
server.on('message', (question, { port, address }) => {
  if (question.length < 48) return;
  const answer = Buffer.alloc(48);
  // No leap second, version 4, a server; it has its time from a clock of its own.
  answer.writeUInt8(0x24, 0);
  answer.writeUInt8(1, 1);
  answer.writeUInt8(question.readUInt8(2), 2);
  answer.writeInt8(-10, 3);
  answer.write('LOCL', 12, 'latin1');
  writeNow(answer, 16);
  question.copy(answer, 24, 40, 48);
  writeNow(answer, 32);
  writeNow(answer, 40);
  server.send(answer, port, address);
});
server.bind(123, address, () => process.stdout.write('ready\n'));
