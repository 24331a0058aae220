import { connect } from 'node:net';
import { fail } from '../kernel/errors.ts';

/** What a command printed, and how it ended. */
export interface CommandEnd {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Has a database drilled by the host's `socle-drill@.service`: the daemon's own unit makes no namespaces, and a scratch
 * server needs them. The answer is what the command prints, then a line `exit CODE`; closing the connection ends the drill.
 * @throws `command-failed` when there is no such unit, or when it ended without a word
 */
export function drillByUnit(socket: string, database: string, signal: AbortSignal): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    let text = '';
    const hangUp = () => connection.destroy();
    const ended = () => {
      signal.removeEventListener('abort', hangUp);
      const [, stdout = '', code] = /^(.*)\nexit (\d+)\n$/s.exec(text) ?? [];
      if (code !== undefined) resolve({ exitCode: Number(code), stdout, stderr: '' });
      else reject(fail('command-failed', `the unit of the drill ended without telling how (${socket})`, { socket }));
    };
    connection.setEncoding('utf8');
    connection.on('connect', () => connection.write(`${database}\n`));
    connection.on('data', (chunk: string) => {
      text += chunk;
      if (/\nexit \d+\n$/.test(text)) connection.destroy();
    });
    connection.on('error', (error) => {
      text += `\n${error.message}`;
    });
    connection.on('close', ended);
    signal.addEventListener('abort', hangUp, { once: true });
    if (signal.aborted) hangUp();
  });
}
