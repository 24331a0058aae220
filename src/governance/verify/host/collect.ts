import type { Connection } from '../../../host/connect.ts';
import { execAsRoot } from '../../../host/ssh.ts';
import { asSocleError } from '../../../kernel/errors.ts';
import { lastLines } from '../../../kernel/process.ts';
import { shellWord } from '../../../kernel/shell.ts';
import type { Platform } from '../../../platform/schema.ts';
import type { Look, Looks } from '../check.ts';
import type { Piece } from './piece.ts';
import { type PieceName, pieces } from './pieces.ts';

/** Seconds that one piece may take. */
const patience = 60;

/** Both streams are divided alike: a piece begins with its name, and ends with its exit code. */
const begin = '\u001e';
const end = '\u001f';

/** One shell script for all pieces. One that fails or hangs does not keep the others from being looked at. */
export function hostScript(platform: Platform, user: string, names: readonly PieceName[]): string {
  const mark = (text: string) => `printf '%s\\n' "${text}"; printf '%s\\n' "${text}" >&2`;
  const parts = names.map((name) => {
    const { script }: Pick<Piece<unknown>, 'script'> = pieces[name];
    const text = typeof script === 'string' ? script : script(platform);
    const command = `timeout ${patience} sh -c ${shellWord(text)} </dev/null`;
    return [mark(`\${b}${name}`), command, `code=$?`, mark('$e$code')].join('\n');
  });
  const marks = `b=$(printf '\\036'); e=$(printf '\\037')`;
  return [`export LC_ALL=C OPERATOR=${shellWord(user)}`, marks, ...parts, 'true'].join('\n');
}

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** What each piece printed, from the two streams of the script. */
export function divide({ stdout, stderr }: { readonly stdout: string; readonly stderr: string }): Map<string, Printed> {
  const parts = (text: string) =>
    new Map(
      text
        .split(begin)
        .slice(1)
        .map((part) => {
          const name = part.slice(0, part.indexOf('\n'));
          const place = part.lastIndexOf(end);
          return [name, { text: part.slice(name.length + 1, place), code: part.slice(place + 1).trim() }] as const;
        }),
    );
  const errors = parts(stderr);
  return new Map(
    [...parts(stdout)].map(([name, { text, code }]) => [
      name,
      { stdout: text, stderr: errors.get(name)?.text ?? '', code: code === '' ? Number.NaN : Number(code) },
    ]),
  );
}

/** A piece that failed, or that prints what nobody understands, could not be looked at. */
export function look<T>(name: string, { parse }: Piece<T>, printed: Printed | undefined): Look<T> {
  const where = `${name} could not be looked at`;
  if (printed === undefined || Number.isNaN(printed.code)) return { blind: `${where}: the connection ended` };
  if (printed.code === 124) return { blind: `${where}: it took more than ${patience} s` };
  if (printed.code !== 0) {
    const said = lastLines(printed.stderr || printed.stdout, 1);
    return { blind: `${where}: it ended with ${printed.code}${said === '' ? '' : ` (${said})`}` };
  }
  try {
    return { value: parse(printed.stdout) };
  } catch (error) {
    return { blind: `${where}: ${lastLines(asSocleError(error).message, 1)}` };
  }
}

/** Looks at everything on the host, in one connection. @throws what `execAsRoot` throws */
export async function lookInside({ target, way, platform, signal }: Connection): Promise<Looks> {
  const names = Object.keys(pieces) as PieceName[];
  const nothing = (name: PieceName) => reason(pieces[name], platform);
  const wanted = names.filter((name) => nothing(name) === undefined);
  const script = hostScript(platform, target.user, wanted);
  const printed = divide(await execAsRoot(target, way, script, { timeout: 600_000, signal }));
  const looks = names.map((name) => {
    const why = nothing(name);
    return [name, why === undefined ? look(name, pieces[name] as Piece<unknown>, printed.get(name)) : { nothing: why }];
  });
  return Object.fromEntries(looks) as Looks;
}

const reason = ({ nothing }: Piece<unknown>, platform: Platform) => nothing?.(platform);
