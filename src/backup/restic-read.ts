import { Readable } from 'node:stream';
import { SocleError } from '../kernel/errors.ts';
import { interrupt, type ResticContext, type ResticProcess, startRestic } from './restic.ts';
import { lockPatience, otherWay } from './restic-run.ts';

/**
 * What a restic command prints, as a stream that ends only after restic ended with 0, and errors otherwise: a cut
 * stream never looks complete. Bytes are handed on as they come.
 */
export function readFromVault(context: ResticContext, args: readonly string[], signal?: AbortSignal): Readable {
  const patience = lockPatience(context, signal);
  let child: ResticProcess | null = null;
  let received = false;
  let extra: readonly string[] = [];

  const begin = (): void => {
    const restic = startRestic(context, [...args, ...extra], { signal });
    child = restic;
    restic.stdout?.on('data', (chunk: Buffer) => {
      received = true;
      if (!stream.push(chunk)) restic.stdout?.pause();
    });
    const drained = new Promise<void>((resolve) => restic.stdout?.once('close', resolve));
    Promise.all([restic.done, drained])
      .then(() => stream.push(null), retry)
      .catch((failure: Error) => stream.destroy(failure));
  };
  /** Nothing has been handed on yet: the command may be started again. */
  const retry = async (failure: unknown): Promise<void> => {
    if (received) throw failure;
    if (failure instanceof SocleError && failure.code === 'vault-locked') await patience(failure);
    else extra = otherWay(failure, extra);
    if (!stream.destroyed) begin();
  };

  const stream = new Readable({
    highWaterMark: 1024 * 1024,
    read() {
      if (child) child.stdout?.resume();
      else begin();
    },
    destroy(error, callback) {
      if (child) void interrupt(child).then(() => callback(error));
      else callback(error);
    },
  });
  return stream;
}
