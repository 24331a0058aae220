import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import { fail } from '../kernel/errors.ts';
import { parseSize } from '../kernel/units.ts';
import { interrupt, longPatience, type ResticContext, startRestic } from './restic.ts';
import { lockPatience } from './restic-run.ts';

/** Once restic took more than any pipe holds, it reads, and so it has its lock. */
const beyondPipe = 1024 * 1024;

/** What restic said at the end of a backup. */
export interface UploadResult {
  readonly snapshot: string;
  /** Bytes that the vault grew by, compressed; restic 0.14 rounds them to four digits. */
  readonly addedBytes: number;
}

export interface ResticUpload {
  readonly sink: Writable;
  commit(): Promise<UploadResult>;
  readonly durable: Promise<void>;
  abort(): Promise<void>;
}

/**
 * Streams into `restic backup --stdin`. restic makes a snapshot of whatever it got when its input ends, so that only
 * `commit` ends it: the end of `sink` does not reach restic, and a destroyed `sink` kills it.
 * A restic that finds the vault locked has read nothing: it is started again, with what the pipe had swallowed.
 */
export function startUpload(context: ResticContext, args: readonly string[], signal?: AbortSignal): ResticUpload {
  const patience = lockPatience(context, signal);
  const begin = () => {
    const restic = startRestic(context, [...args, ...outputArguments(context)], {
      stdin: 'pipe',
      patience: longPatience,
      signal,
    });
    // A failed write is answered where it is made; the stream's own event has nothing to add.
    restic.stdin?.on('error', () => {});
    return { restic, printed: restic.stdout ? text(restic.stdout) : Promise.resolve('') };
  };
  let child = begin();
  let kept: Buffer[] = [];
  let written = 0;

  const push = (chunk: Buffer) =>
    new Promise<void>((resolve, reject) => {
      child.restic.stdin?.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  /** restic ended before its time: starts it again if that was for a lock, and throws the reason if not. */
  const again = async (): Promise<void> => {
    for (;;) {
      const reason: unknown = await child.restic.done.then(
        () => fail('vault-failed', `restic ended before its input did for the vault ${context.repository.address}`),
        (error: unknown) => error,
      );
      if (written > beyondPipe) throw reason;
      await patience(reason);
      child = begin();
      try {
        for (const chunk of kept) await push(chunk);
        return;
      } catch {}
    }
  };

  const durable = Promise.withResolvers<void>();
  let committing = false;
  const sink = new Writable({
    highWaterMark: 256 * 1024,
    write(chunk: Buffer, _encoding, callback) {
      written += chunk.length;
      if (written > beyondPipe) kept = [];
      // A copy: the writer may use the memory again once this chunk is taken.
      else kept.push(Buffer.from(chunk));
      push(chunk)
        .catch(again)
        .then(() => callback(), callback);
    },
    destroy(error, callback) {
      const gone = committing ? Promise.resolve() : interrupt(child.restic);
      void gone.then(() => callback(error));
    },
  });
  sink.on('error', () => {});

  return {
    sink,
    durable: durable.promise,
    async commit() {
      committing = true;
      sink.end();
      await finished(sink);
      for (;;) {
        child.restic.stdin?.end();
        const result = await child.restic.done.then(
          () => child.printed,
          () => null,
        );
        if (result !== null) {
          durable.resolve();
          return parseResult(result, context);
        }
        await again();
      }
    },
    async abort() {
      await interrupt(child.restic);
      sink.destroy();
    },
  };
}

/** Only restic 0.17 and later say in JSON how many bytes were stored; before, the text does. */
const speaksJson = (context: ResticContext) => context.version.minor >= 17;
const outputArguments = (context: ResticContext) => (speaksJson(context) ? ['--json'] : []);

const summarySchema = z.object({
  message_type: z.literal('summary'),
  snapshot_id: z.string(),
  data_added_packed: z.number(),
});

/** Reads the end of what `restic backup` printed. */
export function parseResult(printed: string, context: ResticContext): UploadResult {
  if (speaksJson(context)) {
    const summary = summarySchema.safeParse(JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '{}'));
    if (summary.success) return { snapshot: summary.data.snapshot_id, addedBytes: summary.data.data_added_packed };
  } else {
    const snapshot = /^snapshot ([0-9a-f]+) saved$/m.exec(printed)?.[1];
    const stored = /^Added to the repo(?:sitory)?: .*\((.+) stored\)$/m.exec(printed)?.[1];
    if (snapshot !== undefined) return { snapshot, addedBytes: parseSize(stored ?? '') ?? 0 };
  }
  throw fail('vault-failed', `restic did not say which snapshot it made for the vault ${context.repository.address}`, {
    output: printed.slice(-2_000),
  });
}
