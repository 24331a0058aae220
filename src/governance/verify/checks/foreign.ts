import { type Check, check, passUnless } from '../check.ts';
import type { Foreign } from '../host/foreign.ts';

/** Which check tells of which kind of finding; each kind that the program knows is here once. */
export const foreignKinds = {
  'units-alone': ['unit', 'drop-in', 'environment'],
  'ssh-settings': ['sshd'],
  'accounts-keys': ['SSH key'],
  'accounts-sudo': ['sudo rule', 'sudo setting'],
  'firewall-alone': ['nft table', 'nft rule'],
  'k3s-alone': ['K3s configuration', 'K3s process'],
  'settings-alone': [
    ...['kernel setting at boot', 'kernel module setting', 'apt setting', 'systemd setting', 'temporary file'],
    ...['login', 'login limit', 'audit rule', 'file', 'look'],
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** What a check tells of what is not Socle's. */
export const foreignTo = (found: readonly Foreign[], id: keyof typeof foreignKinds): string[] =>
  found
    .filter(({ what }) => (foreignKinds[id] as readonly string[]).includes(what))
    .map(({ what, where, found: is }) => `${what} ${where}: ${is}`);

const next =
  'remove it on the host, or accept it: its path in `host.known_files` of the platform file; then see who put it there';

export const foreignChecks: readonly Check[] = [
  check({
    id: 'units-alone',
    title: 'nothing wins over Socle’s units, or over those of Debian that it rests on',
    requirements: ['FR4', 'AM-2'],
    side: 'inside',
    next: `\`systemctl cat\` on the host shows it: ${next}`,
    looks: ['foreign'],
    judge: ({ foreign }) => passUnless(foreignTo(foreign, 'units-alone'), 'no drop-in, no other file of a unit'),
  }),
  check({
    id: 'settings-alone',
    title: 'no file is read after Socle’s and wins over it, or adds to it',
    requirements: ['FR4', 'FR9'],
    side: 'inside',
    next,
    looks: ['foreign'],
    judge: ({ foreign }) =>
      passUnless(foreignTo(foreign, 'settings-alone'), 'kernel, modules, apt, journal, log-ins: as Socle’s files say'),
  }),
  check({
    id: 'k3s-alone',
    title: 'K3s reads and runs with nothing but what Socle wrote',
    requirements: ['FR9', 'AM-2'],
    side: 'inside',
    next: `put it into \`cluster.k3s.config\`, or ${next}`,
    looks: ['foreign', 'clusterServer'],
    judge: ({ foreign }) => passUnless(foreignTo(foreign, 'k3s-alone'), 'no further file, argument or variable'),
  }),
];
