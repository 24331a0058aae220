import { piece } from './piece.ts';

export interface TunnelFacts {
  readonly port: number;
  readonly peers: readonly {
    readonly publicKey: string;
    readonly allowed: string;
    /** ISO 8601; null when there was none since the tunnel is up. */
    readonly lastHandshake: string | null;
  }[];
}

/** The tunnel as wg(8) dumps it; the private key stays on the host. */
export const tunnelState = piece<TunnelFacts>({
  script: `set -e
dump=$(wg show wg0 dump)
echo "$dump" | sed '1s/^[^\\t]*/-/'`,
  parse(stdout) {
    const [own = '', ...peers] = stdout.split('\n').filter(Boolean);
    const port = Number(own.split('\t')[2]);
    if (!(port > 0)) throw new Error('wg printed no port');
    return {
      port,
      peers: peers.map((line) => {
        const [publicKey = '', , , allowed = '', handshake = '0'] = line.split('\t');
        const at = Number(handshake);
        return { publicKey, allowed, lastHandshake: at === 0 ? null : new Date(at * 1_000).toISOString() };
      }),
    };
  },
});

export interface SocketFacts {
  readonly protocol: 'tcp' | 'udp';
  /** Without brackets and interface; `*` is every address. */
  readonly address: string;
  readonly port: number;
  /** The program; empty for the kernel's own. */
  readonly program: string;
}

/** Everything that listens. */
export const sockets = piece<readonly SocketFacts[]>({
  script: 'ss -Htulpn',
  parse(stdout) {
    const lines = stdout.split('\n').filter(Boolean);
    if (lines.length === 0) throw new Error('ss printed nothing, and sshd listens at least');
    return lines.map((line) => {
      const [protocol, , , , local = ''] = line.split(/\s+/);
      const [, host = '', port] = /^(.*):(\d+)$/.exec(local) ?? [];
      return {
        protocol: protocol === 'udp' ? 'udp' : 'tcp',
        address: host.replaceAll(/[[\]]/g, '').replace(/%.*$/, ''),
        port: Number(port),
        program: /users:\(\("([^"]*)"/.exec(line)?.[1] ?? '',
      };
    });
  },
});
