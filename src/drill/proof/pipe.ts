import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { run } from '../../kernel/process.ts';

/** Bytes per read: what a pipe holds. */
const size = 64 * 1024;

/** A pipe for a child's output, read into one buffer again and again: memory stays flat whatever runs through it. */
export interface Pipe {
  /** The child's end. Close it with `started` once the child has it. */
  readonly descriptor: number;
  /** Closes our copy of the child's end, and hands over what arrives until the child closes its own. */
  read(onChunk: (chunk: Buffer) => void): Promise<void>;
  close(): void;
}

/**
 * Node's own pipes to a child allocate each chunk anew, which the garbage collector frees late: measured over two
 * streams of 0.8 GB, 138 MB resident and a third more processor time than through a named pipe like this one.
 */
export async function openPipe(directory: string): Promise<Pipe> {
  const path = join(directory, `pipe-${randomBytes(6).toString('hex')}`);
  await run('mkfifo', ['-m', '600', path]);
  const ours = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  let theirs: number | undefined = openSync(path, constants.O_WRONLY);
  unlinkSync(path);
  const closeTheirs = () => {
    if (theirs !== undefined) closeSync(theirs);
    theirs = undefined;
  };
  let handedOver = false;
  return {
    descriptor: theirs,
    read(onChunk) {
      closeTheirs();
      handedOver = true;
      return new Promise((resolve, reject) => {
        let failure: unknown;
        const callback = (length: number, buffer: Uint8Array) => {
          try {
            if (failure === undefined) onChunk(Buffer.from(buffer.buffer, buffer.byteOffset, length));
          } catch (error) {
            failure = error;
            socket.destroy();
          }
          return true;
        };
        const buffer = Buffer.allocUnsafeSlow(size);
        const socket = new Socket({ fd: ours, readable: true, writable: false, onread: { buffer, callback } });
        socket.on('error', (error) => {
          failure ??= error;
        });
        socket.on('close', () => (failure === undefined ? resolve() : reject(failure)));
        socket.resume();
      });
    },
    close() {
      closeTheirs();
      if (!handedOver) closeSync(ours);
      handedOver = true;
    },
  };
}
