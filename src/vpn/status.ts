import type { PeerConfig } from '../platform/schema.ts';

/** One peer, as the host sees it. */
export interface PeerStatus {
  readonly name: string;
  readonly address: string;
  readonly publicKey: string;
  /** Where its packets come from; null before the first one. */
  readonly endpoint: string | null;
  /** ISO 8601; null when there was none since the tunnel is up. */
  readonly lastHandshake: string | null;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** What `wg show wg0 dump` printed (wg(8)), with the names of the platform file; peers of the host alone come last. */
export function peerStatus(dump: string, peers: readonly PeerConfig[]): PeerStatus[] {
  const lines = dump.split('\n').slice(1);
  const live = new Map(lines.filter(Boolean).map((line) => [line.split('\t')[0] ?? '', line.split('\t')]));
  const known = peers.map(({ name, address, public_key }) => ({ name, address, publicKey: public_key }));
  const named = new Set(known.map(({ publicKey }) => publicKey));
  const strangers = [...live].flatMap(([publicKey, fields]) =>
    named.has(publicKey) ? [] : [{ name: '(not in the platform file)', address: fields[3] ?? '', publicKey }],
  );
  return [...known, ...strangers].map((peer) => {
    const [, , endpoint, , handshake = '0', received = '0', sent = '0'] = live.get(peer.publicKey) ?? [];
    return {
      ...peer,
      endpoint: endpoint === undefined || endpoint === '(none)' ? null : endpoint,
      lastHandshake: handshake === '0' ? null : new Date(Number(handshake) * 1_000).toISOString(),
      receivedBytes: Number(received),
      sentBytes: Number(sent),
    };
  });
}
