import { readFile } from 'node:fs/promises';
import { roleFile } from '../../host/bundle.ts';

/** What the role `baseline` writes, read from its own templates: nothing of it is said a second time. */
export interface Baseline {
  readonly sysctls: Readonly<Record<string, string>>;
  /** Keywords of sshd in lower case, as `sshd -T` prints them; lists are joined by commas. */
  readonly sshd: Readonly<Record<string, string>>;
  readonly journald: Readonly<Record<string, string>>;
}

export async function readBaseline(): Promise<Baseline> {
  const template = (name: string) => readFile(roleFile('baseline', `templates/${name}.j2`), 'utf8');
  const [sysctl, sshd, journald] = await Promise.all(['sysctl.conf', 'sshd.conf', 'journald.conf'].map(template));
  return {
    sysctls: settings(sysctl ?? '', /^-?([a-z0-9_.]+) = (.+)$/),
    sshd: sshdSettings(sshd ?? ''),
    journald: settings(journald ?? '', /^([A-Za-z]+)=(.+)$/),
  };
}

function settings(text: string, line: RegExp): Record<string, string> {
  const found = text.split('\n').flatMap((one) => {
    const [, key, value] = line.exec(one.trim()) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(found);
}

/** `{{ 'a,' if … }}` stands for what newer releases can do besides: it is part of what is allowed. */
function sshdSettings(text: string): Record<string, string> {
  const plain = text.replaceAll(/\{\{ '([^']*)' if [^}]* \}\}/g, '$1');
  const found = settings(plain, /^([A-Za-z0-9]+) (.+)$/);
  return Object.fromEntries(Object.entries(found).map(([key, value]) => [key.toLowerCase(), value]));
}
