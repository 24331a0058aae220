import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

export interface TlsFacts {
  /** Such as `TLSv1.3`; null when no handshake came about. */
  readonly protocol: string | null;
  /** TLS 1.0 or 1.1 is spoken with whoever asks for it. */
  readonly old: boolean;
  /** Of the certificate, ISO 8601. */
  readonly validFrom: string | null;
  readonly validTo: string | null;
  readonly subject: string | null;
}

/** How the server at an address speaks TLS, whoever vouches for its certificate. */
export async function readTls(host: string, port: number, name: string | undefined): Promise<TlsFacts> {
  // Without `servername` there is no SNI; an address is none.
  const shared = { host, port, rejectUnauthorized: false, ...(name === undefined ? {} : { servername: name }) };
  const now = await handshake(shared);
  // What OpenSSL itself forbids by default has to be asked for.
  const old = await handshake({ ...shared, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' });
  const certificate = now?.getPeerCertificate();
  const time = (text: string | undefined) => (text ? new Date(text).toISOString() : null);
  const facts = {
    protocol: now?.getProtocol() ?? null,
    old: old !== null,
    validFrom: time(certificate?.valid_from),
    validTo: time(certificate?.valid_to),
    subject: certificate?.subject?.CN?.toString() ?? null,
  };
  now?.destroy();
  old?.destroy();
  return facts;
}

function handshake(options: ConnectionOptions): Promise<TLSSocket | null> {
  return new Promise((resolve) => {
    const socket = connect(options, () => resolve(socket));
    const none = () => {
      socket.destroy();
      resolve(null);
    };
    socket.setTimeout(6_000, none);
    socket.once('error', none);
  });
}
