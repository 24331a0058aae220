import { createInterface } from 'node:readline';
import { SMTPServer } from 'smtp-server';
import { type StartedProcess, start } from '../../src/kernel/process.ts';

/** A mail as it arrived. */
export interface Arrived {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** A real SMTP server that asks for a password, where the operator of a throw-away machine sits. */
export class OperatorsMail {
  readonly arrived: Arrived[] = [];
  readonly #server: StartedProcess;

  /** @param namespace process whose network it listens in */
  constructor(namespace: number, { port, password }: { readonly port: number; readonly password: string }) {
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', import.meta.filename];
    const inside = [`--net=/proc/${namespace}/ns/net`, '--', ...node, String(port), password];
    this.#server = start('nsenter', inside, { stdio: ['ignore', 'pipe', 'inherit'] });
    if (!this.#server.stdout) throw new Error('the mail server has no output');
    createInterface({ input: this.#server.stdout }).on('line', (line) =>
      this.arrived.push(JSON.parse(line) as Arrived),
    );
  }

  async stop(): Promise<void> {
    this.#server.kill('SIGTERM');
    await this.#server.ended;
  }
}

function serve(port: number, password: string): void {
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth({ username, password: given }, _session, callback) {
      if (username === 'me' && given === password) callback(null, { user: username });
      else callback(new Error('wrong password'));
    },
    onData(stream, { envelope }, callback) {
      let text = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('end', () => {
        const from = envelope.mailFrom ? envelope.mailFrom.address : '';
        process.stdout.write(`${JSON.stringify({ from, to: envelope.rcptTo.map(({ address }) => address), text })}\n`);
        callback();
      });
    },
  });
  server.listen(port, '0.0.0.0');
}

if (process.argv[1] === import.meta.filename) serve(Number(process.argv[2]), process.argv[3] ?? '');
