import { stringify } from 'yaml';
import type { Answers } from './answers.ts';

/** The password of the vault when it is made here, as the platform file names it. */
export const newPasswordFile = 'secrets/vault.password';

/** The VPN that is made here; the host has its first address. */
export const newSubnet = '10.8.0.0/24';

/** The platform file that the answers make, with comments for who edits it next; the peers of the VPN come later. */
export function platformText(answers: Answers): string {
  return [head(answers), ...host(answers), ...cluster(answers), ...databases(answers), ...backup(answers)].join('\n');
}

/** A value as YAML writes it on one line. */
const value = (text: string) => stringify(text, { lineWidth: 0 }).trimEnd();

const head = ({ name, environment, timezone }: Answers) => `\
# What this platform is. Everything else is derived from it; docs/platform.md has every key.
# Check it with \`socle config check\`. Secrets are never in here: only the file or the command that they come from.

name: ${value(name)}
# dev, staging or prod. In prod at least one vault has to be off this host.
environment: ${environment}
# Schedules and the calendar of retention are read in this time zone.
timezone: ${value(timezone)}
`;

const host = ({ host }: Answers) =>
  host === undefined
    ? []
    : [
        `\
# The machine that \`socle up\` provisions.
host:
  address: ${value(host.address)}
  # The fingerprint that the provider's console shows (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub);
  # without it the first contact asks.
  # host_key: SHA256:…

  # PostgreSQL's programs are those of its Debian (15 on 12, 17 on 13). Where a database has another major version:
  # postgresql: {source: pgdg, majors: [16]}

  # root, or a user who may sudo without a password.
  user: ${value(host.user)}

# WireGuard. \`socle vpn add NAME\` writes the peers: public keys only, the private ones stay with the peers.
vpn:
  # The host has the first address, 10.8.0.1.
  subnet: ${newSubnet}
  port: 51820
${host.publicAddress === undefined ? '' : `  # Where peers reach it.\n  endpoint: ${value(host.publicAddress)}\n`}
# What the public reaches, besides WireGuard. Nothing else does, whatever listens on the host.
firewall:
  # vpn: SSH closes in public once a peer has been seen in the VPN. public: it stays open.
  ssh: vpn
  # Such as [{port: 80}, {port: 443}].
  public: []
`,
      ];

const cluster = ({ cluster }: Answers) =>
  cluster
    ? [
        `\
# K3s on the host; its API answers on the host's private address only.
cluster:
  # Networks inside the cluster; peers route the second. They stay what they are once the cluster is made.
  networks:
    pods: 10.42.0.0/16
    services: 10.43.0.0/16
`,
      ]
    : [];

const databases = ({ databases }: Answers) =>
  databases.length === 0
    ? []
    : [
        `\
# PostgreSQL over the local socket (/run/postgresql), as the role socle_backup: \`socle database grant NAME\` prints its
# SQL. For a server elsewhere \`connection\` takes host, port, user, password and tls.
databases:
${databases.map((database) => `  - name: ${value(nameOf(database))}\n    connection:\n      database: ${value(database)}\n`).join('')}`,
      ];

const backup = ({ vault }: Answers) =>
  vault === undefined
    ? []
    : [
        `\
backup:
  # minute hour day-of-month month day-of-week, or \`off\`.
  schedule: 15 2 * * *
  # The target: at most this much data may be lost.
  rpo: 26h
  vault:
    # What restic calls a repository: a directory, sftp:, rest: or s3:.
    repository: ${value(vault.repository)}
    # Without the password every backup is lost.
    password:
      file: ${value(vault.passwordFile ?? newPasswordFile)}

drill:
  # When the newest backup is restored onto an empty server and proven.
  schedule: 30 5 * * 0
  # The target: a restore takes at most this long.
  rto: 60m
`,
      ];

/** What Socle calls a database: its own name where that is one. */
export const nameOf = (database: string) =>
  database
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[-0-9]+|-+$/g, '');
