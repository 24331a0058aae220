import { chmod, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpOptions } from '../../database/dump-options.ts';
import type { ClientProgram, RestoredServer } from '../../database/restored-server.ts';
import { unhinderedOptions } from '../../database/unhindered.ts';
import { fail } from '../../kernel/errors.ts';
import { openPipe } from '../../kernel/pipe.ts';
import { lastLines, type StartedProcess } from '../../kernel/process.ts';

/** As for the backup's dump, and nothing that came with the database may stop or redirect the reading of it. */
const optionsOf = ({ options, versionNumber }: RestoredServer) =>
  `${options?.dump ?? unhinderedOptions(versionNumber, true)} ${dumpOptions} -c role=none`;

/** A database's name as `-d` takes it: a bare name with `=` in it would be read as a connection string. */
export function databaseArgument(name: string): string {
  return `dbname='${name.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A new directory whose files the programs may be shown one by one; what is secret in it has mode 0600 itself. */
export async function openDirectory(parent: string, prefix: string): Promise<string> {
  const directory = await mkdtemp(join(parent, prefix));
  await chmod(directory, 0o711);
  return directory;
}

export interface Reading {
  readonly server: RestoredServer;
  readonly program: ClientProgram;
  readonly args: readonly string[];
  readonly readable?: readonly string[];
  /** Further options of the session, such as `-c NAME=VALUE`; they win. */
  readonly settings?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a client program beside the restored server and hands its output over in chunks that are valid during the call.
 * @throws `command-failed` with its last lines when it does not end with 0, `interrupted` when the signal aborts
 */
export async function readProgram(reading: Reading, onChunk: (chunk: Buffer) => void): Promise<void> {
  const pipe = await openPipe();
  try {
    const child = startProgram(reading, pipe.input);
    const finished = endOf(child);
    try {
      pipe.started();
      await pipe.read(onChunk);
    } catch (error) {
      child.kill('SIGKILL');
      await child.ended;
      throw error;
    }
    await finished(reading);
  } finally {
    pipe.close();
  }
}

/** Runs a client program whose standard output goes straight into an open file. */
export async function programToFile(reading: Reading, descriptor: number): Promise<void> {
  await endOf(startProgram(reading, descriptor))(reading);
}

/** The whole output of a client program, for what is small: a schema, a table of contents. */
export async function programText(reading: Reading): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await readProgram(reading, (chunk) => void chunks.push(Buffer.from(chunk)));
  return Buffer.concat(chunks);
}

function startProgram(reading: Reading, output: number): StartedProcess {
  reading.signal?.throwIfAborted();
  return reading.server.start(reading.program, reading.args, reading.readable ?? [], {
    stdio: ['ignore', output, 'pipe'],
    env: { PGOPTIONS: [optionsOf(reading.server), reading.settings ?? ''].join(' ').trimEnd() },
    signal: reading.signal,
  });
}

/** Collects what it says on standard error at once: a full pipe would stop it. */
function endOf(child: StartedProcess): (reading: Reading) => Promise<void> {
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-8_000);
  });
  return async ({ program, signal }) => {
    const { exitCode, aborted } = await child.ended;
    if (aborted || signal?.aborted) throw fail('interrupted', 'the proof was interrupted');
    if (exitCode !== 0) {
      throw fail('command-failed', `${program} ended with ${exitCode} while the copy was compared`, {
        program,
        exitCode,
        output: lastLines(errors),
      });
    }
  };
}
