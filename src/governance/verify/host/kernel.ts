import { piece, section, sections } from './piece.ts';

/** Kernel settings by name, as they are now. */
export const sysctls = piece<Readonly<Record<string, string>>>({
  // It ends with a failure where some setting may not be read.
  script: 'sysctl -a 2>/dev/null || true',
  parse(stdout) {
    const lines = stdout.split('\n').filter((line) => line.includes(' = '));
    if (lines.length === 0) throw new Error('sysctl printed nothing');
    return Object.fromEntries(lines.map((line) => line.split(' = ') as [string, string]));
  },
});

export interface AppArmorFacts {
  readonly enabled: boolean;
  /** Profiles that are enforced. */
  readonly enforced: number;
}

export const apparmor = piece<AppArmorFacts>({
  script: `${section('enabled')}
cat /sys/module/apparmor/parameters/enabled 2>/dev/null
${section('profiles')}
cat /sys/kernel/security/apparmor/profiles 2>/dev/null
true`,
  parse(stdout) {
    const of = sections(stdout);
    return {
      enabled: of('enabled')[0] === 'Y',
      enforced: of('profiles').filter((line) => line.endsWith('(enforce)')).length,
    };
  },
});

export interface AuditFacts {
  /** The kernel's own state: 0 off, 1 on, 2 on and locked. */
  readonly enabled: number;
  readonly rules: number;
}

export const audit = piece<AuditFacts>({
  script: `${section('status')}
auditctl -s 2>/dev/null
${section('rules')}
auditctl -l 2>/dev/null
true`,
  parse(stdout) {
    const of = sections(stdout);
    const enabled = of('status').find((line) => line.startsWith('enabled '));
    return {
      enabled: Number(enabled?.split(' ')[1] ?? 0),
      rules: of('rules').filter((line) => line.startsWith('-')).length,
    };
  },
});
