import type { RestoredServer } from '../database/restored-server.ts';
import { unhinderedOptions } from '../database/unhindered.ts';
import type { StartedProcess } from '../kernel/process.ts';

export interface ProgramResult {
  readonly exitCode: number;
  readonly aborted: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that reads hostile input may print without end. */
const most = 8 * 2 ** 20;

/** Waits for a program and keeps what it printed: the first 8 MiB of each stream. */
export async function finished(child: StartedProcess): Promise<ProgramResult> {
  const texts = await Promise.all(
    [child.stdout, child.stderr].map(async (stream) => {
      const chunks: Buffer[] = [];
      let size = 0;
      stream?.on('data', (chunk: Buffer) => {
        if (size < most) chunks.push(chunk);
        size += chunk.length;
      });
      await (stream ? new Promise((resolve) => stream.once('close', resolve)) : undefined);
      return Buffer.concat(chunks).toString();
    }),
  );
  const { exitCode, aborted } = await child.ended;
  return { exitCode, aborted, stdout: texts[0] ?? '', stderr: texts[1] ?? '' };
}

/**
 * `PGOPTIONS` of a program that restores: what ALTER DATABASE and ALTER ROLE of the source, which are restored first, must
 * not do to the sessions that restore the rest.
 */
export function restoring({ options, versionNumber }: RestoredServer): string {
  return `${options?.restore ?? unhinderedOptions(versionNumber)} -c role=none`;
}
