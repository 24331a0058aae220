import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { planK3s } from '../cluster/config.ts';
import { shutdownGrace } from '../cluster/hardening.ts';
import { manifestNames } from '../cluster/variables.ts';
import { ownFile } from '../kernel/place.ts';
import type { Platform } from '../platform/schema.ts';
import { roleFile } from './bundle.ts';

/**
 * What lies on the host that is not Socle's and wins over it, or adds to it. One program looks for it, wherever it is
 * asked for: in a run, in a comparison and by `socle verify` (docs/adr/0037).
 */
const directory = ownFile('ansible/host/foreign');

/** The program, for `python3 - look`. */
export const foreignProgram = (): string =>
  readdirSync(directory)
    .sort()
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('\n\n');

/** Units of Debian that what Socle promises rests on. */
const systemUnits = [
  ...['ssh.service', 'ssh.socket', 'ssh@.service', 'apt-daily.timer', 'apt-daily.service', 'apt-daily-upgrade.timer'],
  ...['apt-daily-upgrade.service', 'unattended-upgrades.service', 'systemd-journald.service', 'auditd.service'],
  ...['systemd-sysctl.service', 'systemd-modules-load.service', 'systemd-logind.service', 'systemd-timesyncd.service'],
];

/** What a Match block of sshd may set, and what it may be: what is closed further is no hole. */
const sshd: Readonly<Record<string, readonly string[]>> = {
  passwordauthentication: ['no'],
  kbdinteractiveauthentication: ['no'],
  permitemptypasswords: ['no'],
  permitrootlogin: ['without-password', 'prohibit-password', 'forced-commands-only', 'no'],
  hostbasedauthentication: ['no'],
  gssapiauthentication: ['no'],
  x11forwarding: ['no'],
  allowagentforwarding: ['no'],
  allowtcpforwarding: ['local', 'no'],
  permittunnel: ['no'],
  gatewayports: ['no'],
  authorizedkeyscommand: ['none'],
  trustedusercakeys: ['none'],
  authorizedprincipalsfile: ['none'],
  authorizedprincipalscommand: ['none'],
  authenticationmethods: ['any', 'publickey'],
};

/** Settings of apt that would let in what nobody signed, or hold upgrades back; the first value is the usual one. */
const apt: Readonly<Record<string, readonly string[]>> = {
  'APT::Periodic::Enable': ['', '1'],
  'APT::Get::AllowUnauthenticated': ['', '0', 'false', 'no'],
  'Acquire::AllowInsecureRepositories': ['', '0', 'false', 'no'],
  'Acquire::AllowDowngradeToInsecureRepositories': ['', '0', 'false', 'no'],
};

const defaultsOf = (role: string): Readonly<Record<string, unknown>> =>
  parse(readFileSync(roleFile(role, 'defaults/main.yml'), 'utf8'));

const linesOf = (role: string, template: string) =>
  readFileSync(roleFile(role, `templates/${template}`), 'utf8').split('\n');

/** `Defaults` of our file of sudoers: a value, or on. */
function sudoDefaults(): Record<string, string | boolean> {
  const settings = linesOf('baseline', 'sudoers.j2').flatMap((line) => /^Defaults (\w+)(?:=(\S+))?$/.exec(line) ?? []);
  const found: Record<string, string | boolean> = {};
  for (let at = 0; at < settings.length; at += 3) found[settings[at + 1] ?? ''] = settings[at + 2] ?? true;
  return found;
}

/** What a file of ours tells apt: settings, and lists by name. */
function aptSettings(lines: readonly string[]) {
  const settings: Record<string, readonly string[]> = {};
  const lists: Record<string, string[]> = {};
  for (const line of lines) {
    const [, name, value] = /^([\w:-]+) "([^"]*)";$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) settings[name] = [value];
    const [, list, item] = /^([\w:-]+) \{ "([^"]*)"; \};?$/.exec(line) ?? [];
    if (list !== undefined && item !== undefined) lists[list] = [item];
  }
  return { settings, lists };
}

const origins = 'Unattended-Upgrade::Origins-Pattern';

/** What the host is to be, as far as something else could win over it. It holds no secret. */
export function foreignWanted(platform: Platform): Record<string, unknown> {
  const { host, cluster } = platform;
  const baseline = defaultsOf('baseline');
  const { settings, lists } = aptSettings(linesOf('baseline', 'unattended-upgrades.j2'));
  const pgdg = aptSettings(linesOf('ops', 'pgdg.upgrades.j2')).lists[origins] ?? [];
  const units = ['network', 'ops', 'datastore', 'drift'].flatMap((role) => defaultsOf(role)[`${role}_units`]);
  const journald = linesOf('baseline', 'journald.conf.j2').flatMap((line) =>
    /^\w+=/.test(line) ? [line.split('=')] : [],
  );
  return {
    operator: host?.user ?? 'root',
    ssh_keys: host?.ssh_keys ?? null,
    known_files: host?.known_files ?? [],
    units: [...units, ...(cluster ? ['k3s.service', 'socle-pods.service'] : [])],
    system_units: systemUnits,
    sshd,
    sudo_defaults: sudoDefaults(),
    sysctls: baseline.baseline_sysctls,
    modules: baseline.baseline_modules,
    forbidden_modules: baseline.baseline_forbidden_modules,
    apt: { ...apt, ...settings },
    apt_lists: {
      'Unattended-Upgrade::Allowed-Origins': [],
      'Unattended-Upgrade::Package-Blacklist': [],
      'Unattended-Upgrade::Update-Days': [],
      [origins]: [...(lists[origins] ?? []), ...(host?.postgresql.source === 'pgdg' ? pgdg : [])],
    },
    apt_needed: lists,
    journald: Object.fromEntries(journald),
    logind: cluster ? { InhibitDelayMaxSec: String(shutdownGrace.all) } : {},
    directories: [
      '/etc/socle',
      '/opt/socle',
      '/run/socle',
      '/run/socle-facts',
      '/var/lib/socle',
      '/var/lib/socle-drift',
    ],
    cluster: cluster !== undefined,
    k3s_files: cluster ? Object.keys(planK3s(platform, cluster).files) : [],
    k3s_manifests: manifestNames,
  };
}

const keys = ['what', 'where', 'expected', 'found'] as const;
export type Foreign = Readonly<Record<(typeof keys)[number], string>>;

/** A line for each finding. @throws when the program printed something else */
export function parseForeign(stdout: string): Foreign[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [word, what, where, expected, found] = line.split('\t');
      if (
        word !== 'foreign' ||
        what === undefined ||
        where === undefined ||
        expected === undefined ||
        found === undefined
      )
        throw new Error(`it printed ${line}`);
      return { what, where, expected, found };
    });
}
