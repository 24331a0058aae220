import type { Connection } from '../../../host/connect.ts';
import { execAsRoot } from '../../../host/ssh.ts';

/** Packets that came in, by family, as the kernel counts them before any firewall (RFC 4293: ipSystemStatsInReceives). */
export interface Arrivals {
  readonly v4: number;
  readonly v6: number;
}

const script = `awk '/^Ip:/ && $4 ~ /^[0-9]+$/ {print $4}' /proc/net/snmp
awk '$1 == "Ip6InReceives" {print $2}' /proc/net/snmp6`;

/** How many packets the host has received: what a silent port needs to be believed. */
export async function countArrivals({ target, way, signal }: Connection): Promise<Arrivals> {
  const { stdout } = await execAsRoot(target, way, script, { timeout: 30_000, signal });
  const [v4 = 0, v6 = 0] = stdout.split('\n').filter(Boolean).map(Number);
  return { v4, v6 };
}
