import { z } from 'zod';
import { parseIpv4 } from '../kernel/ipv4.ts';
import { hostProblem, port, privateNetwork } from './schema-values.ts';

/** The sections of `platform.yaml` about the machine itself, the way to it, and what it shows to the public. */

/** `wg-quick` makes the name of a peer's file the name of an interface, which the kernel keeps to 15 characters. */
const peerName = z
  .string()
  .regex(
    /^(?!peer-.{6})[a-z][a-z0-9-]{0,14}$/,
    'a name of at most 15 lower-case letters, digits and hyphens that starts with a letter (wg-quick makes an interface of it)',
  );
const ipv4 = z.string().refine((text) => parseIpv4(text) !== undefined, 'an IPv4 address such as 10.8.0.2');

/** As `ssh-keygen -lf` prints it: SHA-256 in base64, without padding. */
export const fingerprintForm = /^SHA256:[A-Za-z0-9+/]{43}$/;

/** The least and the greatest major version that Socle's own SQL was written for, with some to come. */
const major = z.number().int().min(13).max(99);

const postgresql = z.strictObject({
  source: z
    .enum(['distribution', 'pgdg'])
    .default('distribution')
    .describe('whose packages: those of the host’s Debian, or those of the PostgreSQL project (PGDG)'),
  majors: z
    .array(major)
    .default([])
    .describe(
      'major versions of the servers that backups are taken of; with PGDG at least one, else the distribution’s own',
    ),
  mirror: z
    .string()
    .regex(/^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._~/-]*)?$/, 'an address such as https://apt.example.net/pgdg')
    .default('https://apt.postgresql.org/pub/repos/apt')
    .describe('where PGDG’s repository is, or a mirror of it with PGDG’s own signatures'),
});

export const host = z.strictObject({
  address: z
    .string()
    .superRefine((text, context) => {
      const message = hostProblem(text);
      if (message) context.addIssue({ code: 'custom', message });
    })
    .describe('public address or name of the host'),
  port: port.default(22).describe('TCP port of its SSH server'),
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'a user name')
    .default('debian')
    .describe('who logs in over SSH: root, or a user who may sudo without a password'),
  host_key: z
    .string()
    .regex(fingerprintForm, 'a fingerprint such as `ssh-keygen -lf` prints: SHA256:…')
    .optional()
    .describe('fingerprint of its SSH host key, from the provider’s console; without it the first contact asks'),
  ssh_keys: z
    .array(z.string().regex(fingerprintForm, 'a fingerprint such as `ssh-keygen -lf` prints: SHA256:…'))
    .optional()
    .describe(
      'fingerprints of the SSH keys that may open root and the user above; any other key is drift. Without it, the keys that were there at the first `socle up`',
    ),
  known_files: z
    .array(z.string().regex(/^\/[\x21-\x7e]+$/, 'a path such as /etc/sysctl.d/99-zzz.conf'))
    .default([])
    .describe(
      'paths of files that are not Socle’s and may win over its own, such as a drop-in of a unit: they are no drift',
    ),
  locales: z
    .array(z.string().regex(/^[A-Za-z_]+(\.[A-Za-z0-9-]+)?(@[a-z]+)?$/, 'a locale such as fr_FR.UTF-8'))
    .default(['en_US.UTF-8'])
    .describe(
      'locales that are generated on it beside C.UTF-8: those of the databases, which could not be restored else',
    ),
  postgresql: postgresql
    .prefault({})
    .describe('PostgreSQL’s programs on it, which backups and drills run; no server is made'),
});

const peer = z.strictObject({
  name: peerName.describe('what Socle calls it, at most 15 characters'),
  public_key: z
    .string()
    .regex(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, 'a WireGuard public key: 44 characters')
    .describe('its WireGuard public key; the private one stays with the peer'),
  address: ipv4.describe('its address in the VPN, inside `vpn.subnet`'),
  reaches: z.array(peerName).default([]).describe('other peers that it may open connections to'),
});

/** HOST, HOST:PORT, or an IPv6 address, which stands in brackets where a port follows. */
function endpointProblem(text: string): string | undefined {
  const [, bracketed, host, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(text) ?? [];
  if (digits !== undefined && !port.safeParse(Number(digits)).success) return 'a port from 1 to 65535 after the host';
  if (bracketed !== undefined && !bracketed.includes(':')) return 'an IPv6 address in the brackets';
  return hostProblem(bracketed ?? host ?? text);
}

export const vpn = z.strictObject({
  subnet: privateNetwork(16, 29, '10.8.0.0/24')
    .default('10.8.0.0/24')
    .describe('addresses of the VPN; the host has the first one'),
  port: port.default(51_820).describe('UDP port of WireGuard'),
  extra_ports: z
    .array(port)
    .default([])
    .describe('further UDP ports that lead to it, such as 443 where 51820 is blocked'),
  endpoint: z
    .string()
    .superRefine((text, context) => {
      const message = endpointProblem(text);
      if (message) context.addIssue({ code: 'custom', message });
    })
    .optional()
    .describe('where peers reach it, HOST or HOST:PORT; default: the address of the host and `vpn.port`'),
  peers: z.array(peer).default([]).describe('who is in the VPN'),
});

export const firewall = z.strictObject({
  ssh: z
    .enum(['vpn', 'public'])
    .default('vpn')
    .describe('where SSH answers once a peer has been seen in the VPN: through it only, or in public too'),
  public: z
    .array(
      z.strictObject({
        port: port.describe('port that answers on the public addresses'),
        protocol: z.enum(['tcp', 'udp']).default('tcp').describe('transport protocol'),
      }),
    )
    .default([])
    .describe('what the public reaches, besides WireGuard; nothing else, whatever listens'),
  pods: z
    .array(
      z.strictObject({
        to: peerName
          .or(ipv4)
          .default('host')
          .describe('`host`, the name of a peer, or an address of the provider’s own services such as 169.254.169.253'),
        port: port.describe('port that answers them there'),
        protocol: z.enum(['tcp', 'udp']).default('tcp').describe('transport protocol'),
      }),
    )
    .default([])
    .describe(
      'what pods reach of the host, the VPN and the provider’s own services, besides the Kubernetes API through its Service',
    ),
});
