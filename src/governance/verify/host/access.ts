import { piece, section, sections } from './piece.ts';

/** What sshd goes by, for root, for the operator, and for anybody: `Match` blocks may tell them apart. */
export interface SshdFacts {
  readonly root: Readonly<Record<string, string>>;
  readonly operator: Readonly<Record<string, string>>;
  readonly anybody: Readonly<Record<string, string>>;
}

/** An address of the documentation range (RFC 5737): the public. */
const from = 'host=public.example,addr=203.0.113.1';

export const sshd = piece<SshdFacts>({
  script: `set -e
PATH="$PATH:/usr/sbin"
${section('root')}
sshd -T -C user=root,${from}
${section('operator')}
sshd -T -C "user=$OPERATOR,${from}"
${section('anybody')}
sshd -T -C user=nobody,${from}`,
  parse(stdout) {
    const of = sections(stdout);
    const settings = (name: string) =>
      Object.fromEntries(of(name).map((line) => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)]));
    return { root: settings('root'), operator: settings('operator'), anybody: settings('anybody') };
  },
});

export interface AccountFacts {
  /** Those with user id 0. */
  readonly superusers: readonly string[];
  /** Accounts with no password at all; a locked one is none of them. */
  readonly withoutPassword: readonly string[];
  /** Accounts that a password opens. */
  readonly withPassword: readonly string[];
  /** Members of groups that may become root. */
  readonly sudoMembers: readonly string[];
  /** Rules of sudoers, without comments and settings. */
  readonly sudoRules: readonly string[];
  /** How many keys may log in, by account. */
  readonly keys: Readonly<Record<string, number>>;
}

export const accounts = piece<AccountFacts>({
  script: `set -e
${section('superusers')}
awk -F: '$3 == 0 {print $1}' /etc/passwd
${section('passwords')}
awk -F: '{print $1, ($2 == "") ? "none" : ($2 ~ /^[!*]/) ? "locked" : "password"}' /etc/shadow
${section('members')}
for group in sudo admin wheel; do getent group $group | cut -d: -f4 | tr , '\\n'; done
${section('rules')}
cat /etc/sudoers $(find /etc/sudoers.d -type f ! -name '*~' ! -name '*.*' | sort) | grep -vE '^[[:space:]]*(#|@|$|Defaults)' || true
${section('keys')}
getent passwd | while IFS=: read -r name _ _ _ _ home _; do
  count=$(cat "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2" 2>/dev/null | grep -cvE '^[[:space:]]*(#|$)' || true)
  if test "$count" -gt 0; then echo "$name $count"; fi
done`,
  parse(stdout) {
    const of = sections(stdout);
    const passwords = of('passwords').map((line) => line.split(' '));
    const which = (state: string) => passwords.flatMap(([name = '', one]) => (one === state ? [name] : []));
    return {
      superusers: of('superusers'),
      withoutPassword: which('none'),
      withPassword: which('password'),
      sudoMembers: [...new Set(of('members'))],
      sudoRules: of('rules').map((line) => line.replaceAll(/\s+/g, ' ').trim()),
      keys: Object.fromEntries(of('keys').map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])])),
    };
  },
});
