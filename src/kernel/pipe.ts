import { closeSync, constants, openSync, readSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { run, start } from './process.ts';

/** A pipe for the output of a child. */
export interface Pipe {
  /** The end for the child's `stdio`; close it here with `started` once the child has it. */
  readonly input: number;
  started(): void;
  /**
   * Reads to the end. `take` gets views of one buffer that is used again: a view is valid during the call, and until
   * the promise that it returned has resolved. Rejects when `take` does, and when the pipe is closed meanwhile.
   */
  read(take: (chunk: Buffer) => Promise<void> | void): Promise<void>;
  /** Closes both ends; a child that goes on writing gets SIGPIPE. May be called twice. */
  close(): void;
}

/** Bytes that the pipe holds: what Linux gives to everyone (pipe(7), `/proc/sys/fs/pipe-max-size`). */
const capacity = 2 ** 20;
/** Bytes read at once. */
const portion = 2 ** 18;
/** Milliseconds until the next look: at least, and at most while nothing comes. */
const rest = { least: 1, most: 8 };

/**
 * A pipe for much data. PostgreSQL's programs write it in pieces of 4 KiB: a reader that sleeps until something is there
 * is woken for each of them, which costs more than the data does. This one holds a megabyte and is looked at every
 * millisecond; nobody is woken, and everything goes through the same buffer.
 */
export async function openPipe(): Promise<Pipe> {
  const directory = await mkdtemp(join(tmpdir(), 'socle-pipe-'));
  const open: number[] = [];
  try {
    const path = join(directory, 'pipe');
    await run('mkfifo', ['-m', '600', path]);
    // The reader first and without waiting: then the writer's end opens at once.
    const output = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    open.push(output);
    const input = openSync(path, constants.O_WRONLY);
    open.push(input);
    const wide = await widen(input);
    return makePipe(output, input, wide);
  } catch (error) {
    for (const descriptor of open) closeSync(descriptor);
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** F_SETPIPE_SZ of fcntl(2), which Node does not offer. False where there is no Perl, or a limit says no. */
async function widen(input: number): Promise<boolean> {
  const setSize = `exit(fcntl(STDIN, 1031, ${capacity}) ? 0 : 1)`;
  const { exitCode } = await start('perl', ['-e', setSize], { stdio: [input, 'ignore', 'ignore'] }).ended;
  return exitCode === 0;
}

function makePipe(output: number, input: number, wide: boolean): Pipe {
  let inputOpen = true;
  let outputOpen = true;
  const started = () => {
    if (inputOpen) closeSync(input);
    inputOpen = false;
  };
  return {
    input,
    started,
    async read(take) {
      const buffer = Buffer.allocUnsafeSlow(portion);
      let pause = rest.least;
      for (;;) {
        if (!outputOpen) throw new Error('the pipe was closed before its end');
        const bytes = readNow(output, buffer);
        if (bytes === 0) return;
        if (bytes !== null) await take(buffer.subarray(0, bytes));
        pause = bytes === null ? Math.min(2 * pause, rest.most) : rest.least;
        // A narrow pipe is full again long before a millisecond has passed.
        await (bytes === portion || !wide ? turn() : delay(pause));
      }
    },
    close() {
      started();
      if (outputOpen) closeSync(output);
      outputOpen = false;
    },
  };
}

/** Bytes that were there, 0 at the end, null when there is nothing yet. */
function readNow(descriptor: number, buffer: Buffer): number | null {
  try {
    return readSync(descriptor, buffer);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null;
    throw error;
  }
}
