import { readFileSync } from 'node:fs';
import { planK3s } from '../../src/cluster/config.ts';
import type { Baseline } from '../../src/governance/verify/baseline.ts';
import type { Looks } from '../../src/governance/verify/check.ts';
import { look } from '../../src/governance/verify/host/collect.ts';
import type { Piece } from '../../src/governance/verify/host/piece.ts';
import { type PieceName, pieces } from '../../src/governance/verify/host/pieces.ts';
import type { PortScan } from '../../src/governance/verify/outside/probes.ts';
import { planFirewall, renderFirewall } from '../../src/host/firewall.ts';
import { parsePlatform } from '../../src/platform/load.ts';
import type { ClusterConfig } from '../../src/platform/schema.ts';

/** A provisioned host as it was seen: what its programs printed lies in `verified/`, one file for each piece. */

export const platform = parsePlatform(
  `name: t
environment: dev
host: {address: 198.51.100.20}
cluster: {}
databases:
  - {name: shop, connection: {host: postgresql.shop.svc, database: shop}}
backup:
  vault: {repository: "sftp:backup@vault.example:/srv/socle", password: {file: /etc/socle/secrets/vault.password}}
vpn:
  peers:
    - {name: laptop, public_key: YEqdon9tSsZpDPxG3xklnv+mzznmqs5/QVq0PFdtfCw=, address: 10.8.0.2}
`,
  'platform.yaml',
);

/** When it was looked at. */
export const now = new Date(1_795_656_190_000);

const tracked = {
  state: 'ok',
  detail: 'all is well',
  withinTarget: true,
  lastSuccessAt: '2026-11-26T01:00:00.000Z',
  lastFailureAt: null,
  lastDurationMs: 1_000,
  targetMs: 86_400_000,
  nextAt: null,
  running: false,
  successRate: null,
};

/** What Socle itself writes or prints is not kept in a file. */
const made: Partial<Record<PieceName, (baseline: Baseline) => string>> = {
  sysctls: ({ sysctls }) =>
    Object.entries(sysctls)
      .map(([key, value]) => `${key} = ${value}\n`)
      .join(''),
  clusterConfig() {
    const { files } = planK3s(platform, platform.cluster as ClusterConfig);
    return `== admission\n${files['admission.yaml']}== audit\n${files['audit-policy.yaml']}`;
  },
  daemonStatus: () =>
    JSON.stringify({
      platform: 't',
      environment: 'dev',
      timestamp: now.toISOString(),
      status: 'pass',
      databases: [{ name: 'shop', backups: tracked, drills: tracked }],
      integrity: tracked,
      datastore: tracked,
      notifications: [],
      copies: null,
      retention: null,
      daemon: null,
    }),
  foreign: () => '',
  drift: () =>
    JSON.stringify({
      id: 'r-1',
      status: 'done',
      startedAt: '2026-11-26T01:12:20.000Z',
      endedAt: '2026-11-26T01:12:40.000Z',
      seconds: 20,
      only: ['network'],
      revision: null,
      fingerprint: null,
      failed: [],
      deviations: [],
    }),
  firewall: () =>
    readFileSync(new URL('verified/firewall.txt', import.meta.url), 'utf8').replace(
      /== permanent\n[\s\S]*?(?=== loaded)/,
      `== permanent\n${renderFirewall(planFirewall(platform, 'vpn'))}`,
    ),
};

const printed = (name: PieceName, baseline: Baseline): string =>
  made[name]?.(baseline) ?? readFileSync(new URL(`verified/${name}.txt`, import.meta.url), 'utf8');

/** Changes to what the programs of the host print. */
export type Changes = Partial<Record<PieceName, (text: string) => string>>;

/** What the pieces see when programs print this, with some of it changed. */
export function inside(baseline: Baseline, changes: Changes = {}): Looks {
  const names = Object.keys(pieces) as PieceName[];
  const looks = names.map((name) => {
    const before = printed(name, baseline);
    const stdout = changes[name]?.(before) ?? before;
    if (changes[name] && stdout === before) throw new Error(`the change of ${name} changes nothing`);
    return [name, look(name, pieces[name] as Piece<unknown>, { stdout, stderr: '', code: 0 })];
  });
  return Object.fromEntries(looks) as Looks;
}

const scan = (address: string, asked: number): PortScan => ({
  address,
  asked,
  all: asked > 1_000,
  open: [],
  closed: [],
});
const tcp4 = scan('198.51.100.20', 65_535);
const tcp6 = scan('2001:db8:51::20', 65_535);

/** What is seen from outside, and known on the operator's machine, when all is well. */
export const outside = {
  tcp4: { value: tcp4 },
  tcp6: { value: tcp6 },
  tcp: { value: [tcp4, tcp6] },
  udp4: { value: scan('198.51.100.20', 26) },
  udp6: { value: scan('2001:db8:51::20', 26) },
  sshOffer: {
    value: {
      banner: 'SSH-2.0-OpenSSH_10.0p2 Debian-7',
      kex: ['mlkem768x25519-sha256', 'curve25519-sha256'],
      hostKeys: ['ssh-ed25519'],
      ciphers: ['chacha20-poly1305@openssh.com'],
      macs: ['hmac-sha2-512-etm@openssh.com'],
    },
  },
  sshMethods: { value: { root: ['publickey'], debian: ['publickey'] } },
  tls: {
    value: {
      protocol: 'TLSv1.3',
      old: false,
      validFrom: '2026-11-01T00:00:00.000Z',
      validTo: '2027-01-30T00:00:00.000Z',
      subject: 'shop.example',
    },
  },
  clusterApi: { value: 401 },
  opsApi: { value: 200 },
  kit: {
    value: { state: 'confirmed', detail: 'it has opened the vault', id: 'k', createdAt: null, confirmedAt: null },
  },
  clock: { value: { from: 1_795_656_180_000, to: 1_795_656_190_000 } },
} as const satisfies Looks;
