import { connect } from 'node:net';

/** What an SSH server offers before anybody logged in (RFC 4253, section 7.1). */
export interface SshOffer {
  /** Its identification, such as `SSH-2.0-OpenSSH_10.0p2 Debian-7`. */
  readonly banner: string;
  readonly kex: readonly string[];
  readonly hostKeys: readonly string[];
  readonly ciphers: readonly string[];
  readonly macs: readonly string[];
}

const keyExchangeInit = 20;

/** Reads what the server offers. @throws when it does not answer within 8 s, or is no SSH server */
export function readSshOffer(host: string, port: number): Promise<SshOffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let received = Buffer.alloc(0);
    const end = (answer: SshOffer | Error) => {
      socket.destroy();
      if (answer instanceof Error) reject(answer);
      else resolve(answer);
    };
    socket.setTimeout(8_000, () => end(new Error(`${host} did not say which SSH algorithms it offers within 8 s`)));
    socket.once('connect', () => socket.write('SSH-2.0-socle\r\n'));
    socket.once('error', end);
    socket.once('end', () => end(new Error(`${host} closed the connection before it offered SSH algorithms`)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      try {
        const offer = parseOffer(received);
        if (offer) end(offer);
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)));
      }
    });
  });
}

/**
 * Identification line and first packet; undefined while bytes are missing.
 * @throws when it is something else
 */
export function parseOffer(bytes: Buffer): SshOffer | undefined {
  const line = bytes.indexOf('\n');
  if (line < 0 && bytes.length < 1_024) return undefined;
  const banner = bytes.subarray(0, Math.max(line, 0)).toString('latin1').trim();
  if (!banner.startsWith('SSH-2.0-')) throw new Error('what answers is no SSH server of version 2');
  const packet = bytes.subarray(line + 1);
  if (packet.length < 6) return undefined;
  const length = packet.readUInt32BE(0);
  if (packet.length < 4 + length) return undefined;
  if (packet[5] !== keyExchangeInit) throw new Error(`its first packet has the type ${packet[5]}`);
  // Length, padding length, type, a cookie of 16 bytes; then ten lists of names.
  let place = 22;
  const names = () => {
    const size = packet.readUInt32BE(place);
    const text = packet.subarray(place + 4, place + 4 + size).toString('latin1');
    place += 4 + size;
    return text === '' ? [] : text.split(',');
  };
  const [kex, hostKeys, , ciphers, , macs] = [names(), names(), names(), names(), names(), names()];
  // Not algorithms: they tell about extensions (RFC 8308) and the strict exchange of OpenSSH.
  const real = kex?.filter((name) => !/^(ext-info-|kex-strict-)/.test(name));
  return { banner, kex: real ?? [], hostKeys: hostKeys ?? [], ciphers: ciphers ?? [], macs: macs ?? [] };
}
