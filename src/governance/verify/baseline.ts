import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { roleFile } from '../../host/bundle.ts';

/** What the role `baseline` writes, read from its own defaults and templates: nothing of it is said a second time. */
export interface Baseline {
  readonly sysctls: Readonly<Record<string, string>>;
  /** Keywords of sshd in lower case, as `sshd -T` prints them; lists are joined by commas. */
  readonly sshd: Readonly<Record<string, string>>;
  readonly journald: Readonly<Record<string, string>>;
}

/** The defaults of the role, as far as they are read here. */
interface Defaults {
  readonly baseline_sysctls: Readonly<Record<string, number>>;
  readonly baseline_sshd: Readonly<Record<string, string>>;
  /** Some of them are for newer releases: they are part of what is allowed. */
  readonly baseline_sshd_kex: readonly string[];
}

export async function readBaseline(): Promise<Baseline> {
  const read = (name: string) => readFile(roleFile('baseline', name), 'utf8');
  const defaults: Defaults = parse(await read('defaults/main.yml'));
  const sysctls = Object.entries(defaults.baseline_sysctls).map(([name, value]) => [name, String(value)]);
  const sshd = Object.entries(defaults.baseline_sshd).map(([key, value]) => [key.toLowerCase(), value]);
  return {
    sysctls: Object.fromEntries(sysctls),
    sshd: { ...Object.fromEntries(sshd), kexalgorithms: defaults.baseline_sshd_kex.join(',') },
    journald: settings(await read('templates/journald.conf.j2'), /^([A-Za-z]+)=(.+)$/),
  };
}

function settings(text: string, line: RegExp): Record<string, string> {
  const found = text.split('\n').flatMap((one) => {
    const [, key, value] = line.exec(one.trim()) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(found);
}
