import { check, fail, pass, passUnless, some } from '../check.ts';
import { foreignTo } from './foreign.ts';

const next = 'see /etc/ssh/sshd_config.d on the host: the first value wins; then `socle up`';

/** Keywords whose values are lists of algorithms; older releases have fewer, never others. */
const lists = ['kexalgorithms', 'ciphers', 'macs'];

/** As `sshd -T` prints some values that are written otherwise. */
const printed: Readonly<Record<string, string>> = { 'prohibit-password': 'without-password' };

/** Signatures with SHA-1, and DSA: broken (RFC 9142, OpenSSH 8.8). */
const weakHostKeys = ['ssh-rsa', 'ssh-dss', 'ssh-rsa-cert-v01@openssh.com', 'ssh-dss-cert-v01@openssh.com'];

const others = (found: readonly string[], allowed: string) => {
  const good = allowed.split(',');
  return found.filter((name) => !good.includes(name));
};

/** Ways to log in that somebody can guess. */
const guessable = ['password', 'keyboard-interactive', 'none', 'hostbased'];

export const sshChecks = [
  check({
    id: 'ssh-settings',
    title: 'sshd goes by the hardened settings, for root, the operator and anybody else',
    requirements: ['NFR-3', 'AM-1', 'FR4'],
    side: 'inside',
    next,
    looks: ['sshd', 'foreign'],
    judge({ sshd, foreign }, { baseline }) {
      const wrong = Object.entries(sshd).flatMap(([who, settings]) =>
        Object.entries(baseline.sshd).flatMap(([key, wanted]) => {
          const value = settings[key] ?? 'not set';
          const good = lists.includes(key)
            ? others(value.split(','), wanted).length === 0
            : value.toLowerCase() === (printed[wanted] ?? wanted).toLowerCase();
          return good ? [] : [`${key} is ${value} for ${who}, not ${wanted}`];
        }),
      );
      return passUnless(
        [...wrong, ...foreignTo(foreign, 'ssh-settings')],
        `${Object.keys(baseline.sshd).length} settings, as the role writes them`,
      );
    },
  }),
  check({
    id: 'ssh-algorithms',
    title: 'SSH offers modern algorithms only',
    requirements: ['NFR-3', 'FR5'],
    side: 'outside',
    next,
    looks: ['sshOffer'],
    judge({ sshOffer: { banner, kex, hostKeys, ciphers, macs } }, { baseline }) {
      const { kexalgorithms = '', ciphers: goodCiphers = '', macs: goodMacs = '' } = baseline.sshd;
      const weak = [
        ...others(kex, kexalgorithms),
        ...others(ciphers, goodCiphers),
        ...others(macs, goodMacs),
        ...hostKeys.filter((name) => weakHostKeys.includes(name)),
      ];
      if (weak.length > 0) return fail(`it offers ${some(weak)}`);
      return pass(`${banner}: ${kex.length} key exchanges, ${ciphers.length} ciphers, ${hostKeys.join(', ')}`);
    },
  }),
  check({
    id: 'ssh-passwords-refused',
    title: 'SSH lets nobody in by a password, root least of all',
    requirements: ['NFR-3', 'AM-1', 'AM-2'],
    side: 'outside',
    next,
    looks: ['sshMethods'],
    judge({ sshMethods }) {
      const wrong = Object.entries(sshMethods).flatMap(([user, methods]) =>
        methods.filter((one) => guessable.includes(one)).map((one) => `${user} may log in by ${one}`),
      );
      return passUnless(wrong, `${Object.keys(sshMethods).join(', ')}: keys only`);
    },
  }),
];
