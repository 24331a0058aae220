/** `SOCLE_LOG=debug` (or `trace`): failures say where they come from. */
export const debugging = (): boolean => /^(debug|trace)$/.test(process.env.SOCLE_LOG ?? '');

/** A child process that has ended. */
export interface EndedChild {
  readonly file: string;
  /** Never a secret: every process of the machine can read them. */
  readonly args: readonly string[];
  /** Exit code, or the signal that ended it. */
  readonly end: number | string;
  /** Milliseconds. */
  readonly ms: number;
  /** The end of what it printed on standard error; absent where its caller handles that stream. */
  readonly stderr?: string;
}

/** How many are remembered: what failed is among the last. */
const remembered = 20;
const children: EndedChild[] = [];

/** Remembers a child for the next failure; nothing unless we are debugging. */
export function noteEnded(child: EndedChild): void {
  if (!debugging()) return;
  children.push(child);
  if (children.length > remembered) children.shift();
}

/** Credentials in an address, such as a program repeats from its configuration. */
const withoutCredentials = (text: string) => text.replace(/(:\/\/)[^\s/@]+@/g, '$1***@');

function describe({ file, args, end, ms, stderr }: EndedChild): string[] {
  const words = [file, ...args].map((word) => (/^[\w./:=@,+-]+$/.test(word) ? word : JSON.stringify(word)));
  const said = stderr?.trimEnd();
  return [
    `${words.join(' ')}: ended with ${end} after ${Math.round(ms)} ms`,
    ...(said ? said.split('\n').map((line) => `  | ${line}`) : []),
  ];
}

/** The stack of an error and of its causes, as text. Other properties are left out: a server's detail quotes rows. */
export function stackOf(error: unknown): string {
  const stacks: string[] = [];
  for (let one = error, deep = 0; one !== undefined && deep < 8; deep += 1) {
    stacks.push(one instanceof Error ? (one.stack ?? String(one)) : String(one));
    one = one instanceof Error ? one.cause : undefined;
  }
  return withoutCredentials(stacks.join('\ncaused by '));
}

/** What a person who looks for a defect needs of a failure: stacks, and the processes that ended last, each line marked. */
export function debugText(error: unknown): string {
  const lines = [...stackOf(error).split('\n'), 'processes that ended, the last one last:'];
  for (const child of children) lines.push(...describe(child));
  return lines.map((line) => `debug: ${withoutCredentials(line)}\n`).join('');
}
