import { type Check, check, passUnless } from '../check.ts';
import type { FileFacts } from '../host/files.ts';

const next =
  'set it back (`chown root:root`, `chmod`), or run `socle up`; a key that others could read has to be made anew';

export const octal = (mode: number) => `0${mode.toString(8).padStart(3, '0')}`;
export const tellFile = ({ path, mode, owner, group }: FileFacts) => `${path} is ${octal(mode)} ${owner}:${group}`;

/** Which bits a file may have, and whose it may be. */
export interface Rule {
  readonly path: RegExp;
  readonly most: number;
  /** `owner:group`; default `root:root`. */
  readonly of?: readonly string[];
}

/** Files against the first rule that is about them; a link says nothing of its own. */
export function breaking(files: readonly FileFacts[], rules: readonly Rule[]): string[] {
  return files
    .filter(({ type }) => type !== 'l')
    .flatMap((file) => {
      const rule = rules.find(({ path }) => path.test(file.path));
      if (!rule) return [];
      const good = (file.mode & ~rule.most) === 0 && (rule.of ?? ['root:root']).includes(`${file.owner}:${file.group}`);
      return good ? [] : [`${tellFile(file)}, at most ${octal(rule.most)}`];
    });
}

const ownRules: readonly Rule[] = [
  { path: /^\/etc\/socle$/, most: 0o711 },
  { path: /^\/etc\/socle\/platform\.yaml$/, most: 0o640, of: ['root:root', 'root:socle'] },
  { path: /^\/etc\/socle\//, most: 0o700 },
  { path: /^\/usr\/local\/lib\/socle/, most: 0o755 },
  { path: /^\/etc\/systemd\/system\//, most: 0o755 },
  { path: /^\/var\/lib\/socle$/, most: 0o755, of: ['root:root', 'socle:socle'] },
  { path: /^\/var\/lib\/socle\/(runs|bundles|artifacts)$/, most: 0o755 },
];

/** Debian's own. */
const systemRules: readonly Rule[] = [
  { path: /^\/etc\/g?shadow$/, most: 0o640, of: ['root:shadow', 'root:root'] },
  { path: /^\/etc\/(passwd|group|crontab)$/, most: 0o644 },
  { path: /^\/etc\/sudoers$/, most: 0o440 },
  { path: /^\/etc\/sudoers\.d\//, most: 0o440 },
  { path: /^\/etc\/ssh\/ssh_host_[a-z0-9]+_key$/, most: 0o600 },
  { path: /^\/root$/, most: 0o750 },
  { path: /^\/etc\//, most: 0o755 },
];

const privateKey = /^\/etc\/socle\/(wireguard\/private\.key|secrets\/)/;

export const fileChecks: readonly Check[] = [
  check({
    id: 'files-socle',
    title: 'Socle’s files belong to root, and nobody else reads or writes them',
    requirements: ['FR8', 'AM-4', 'FR4'],
    side: 'inside',
    next,
    looks: ['files'],
    judge: ({ files: { own } }) => passUnless(breaking(own, ownRules), `${own.length} files and directories`),
  }),
  check({
    id: 'files-keys',
    title: 'private keys and secrets are for root alone',
    requirements: ['FR8', 'AM-4'],
    side: 'inside',
    next,
    looks: ['files'],
    judge({ files: { own } }) {
      const keys = own.filter(({ path }) => privateKey.test(path));
      if (!keys.some(({ path }) => path.endsWith('private.key'))) {
        return { verdict: 'fail', evidence: 'the private key of WireGuard is not there' };
      }
      return passUnless(breaking(keys, [{ path: privateKey, most: 0o600 }]), `${keys.length} files, at most 0600`);
    },
  }),
  check({
    id: 'files-system',
    title: 'accounts, sudo rules and SSH host keys have the rights that Debian gives them',
    requirements: ['FR4', 'AM-2'],
    side: 'inside',
    next,
    looks: ['files'],
    judge: ({ files: { system } }) => passUnless(breaking(system, systemRules), `${system.length} files`),
  }),
  check({
    id: 'files-writable',
    title: 'nobody but root writes below /etc and /usr/local',
    requirements: ['FR4'],
    side: 'inside',
    next: '`chmod o-w` takes the right back',
    looks: ['files'],
    judge: ({ files: { writable } }) =>
      passUnless(
        writable.map((path) => `anybody may write ${path}`),
        'none',
      ),
  }),
];
