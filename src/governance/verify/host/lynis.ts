import type { Connection } from '../../../host/connect.ts';
import { execAsRoot } from '../../../host/ssh.ts';

/** What lynis(8) says of the host: a second opinion, by other people's rules. */
export interface LynisReport {
  readonly version: string;
  /** Between 0 and 100. */
  readonly hardeningIndex: number;
  /** Its test, and what it says. */
  readonly warnings: readonly string[];
  readonly suggestions: number;
}

/** `exit 127` says that it is not there. Its report lies in memory and goes with the script. */
const script = `command -v lynis >/dev/null || { echo 'lynis is not installed: apt-get install lynis' >&2; exit 127; }
report=$(mktemp /run/socle-lynis.XXXXXX)
trap 'rm -f "$report"' EXIT
lynis audit system --quick --quiet --no-colors --logfile /dev/null --report-file "$report" >/dev/null 2>&1
cat "$report"`;

export function parseLynis(stdout: string): LynisReport {
  const lines = stdout.split('\n');
  const all = (key: string) =>
    lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
  const [index] = all('hardening_index');
  if (index === undefined || index === '') throw new Error('it wrote no hardening index');
  return {
    version: all('lynis_version')[0] ?? 'unknown',
    hardeningIndex: Number(index),
    warnings: all('warning[]').map((text) => text.split('|').slice(0, 2).join(': ')),
    suggestions: all('suggestion[]').length,
  };
}

/** Has lynis look at the host: a minute or two, reading only. @throws `command-failed` where it is not installed */
export async function askLynis({ target, way, signal }: Connection): Promise<LynisReport> {
  const { stdout } = await execAsRoot(target, way, script, { timeout: 900_000, signal });
  return parseLynis(stdout);
}
