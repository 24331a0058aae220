import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ScanRequest {
  readonly address: string;
  readonly ports: readonly number[];
  /** Told how many ports have been asked. */
  readonly asked: (ports: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** What answered. Every port that is in neither list was silent. */
export interface Answers {
  readonly open: readonly number[];
  /** A reset or an ICMP message came back: nothing listens, and nothing held the question back. */
  readonly closed: readonly number[];
}

/** How many connections are tried at once: 65,535 take half a minute when none is answered. */
const atOnce = 4_000;

/** Milliseconds for an answer. The kernel repeats its question after 1 s (RFC 6298), so that one lost packet hides nothing. */
const patience = 2_000;

type Answer = 'open' | 'closed' | 'silent';

/**
 * Asks TCP ports of one address by connecting to them.
 * @throws the first error that says nothing about the port but about this machine, such as that it has no route
 */
export async function scanTcp({ address, ports, asked, signal }: ScanRequest): Promise<Answers> {
  const found: Record<Answer, number[]> = { open: [], closed: [], silent: [] };
  const queue = ports[Symbol.iterator]();
  let done = 0;
  const work = async () => {
    for (const port of queue) {
      signal?.throwIfAborted();
      found[await ask(address, port)].push(port);
      done += 1;
      asked(done);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, ports.length) }, work));
  const order = (list: number[]) => list.sort((a, b) => a - b);
  return { open: order(found.open), closed: order(found.closed) };
}

/** Too many open files or ports in use here: another moment will do. */
const busy = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'EAGAIN', 'ENOBUFS', 'ENOMEM']);
/** Something on the way says that it does not let us through. */
const refusedOnTheWay = new Set(['EHOSTUNREACH', 'ETIMEDOUT', 'EACCES', 'EPERM', 'ENONET']);

async function ask(address: string, port: number): Promise<Answer> {
  for (;;) {
    const answer = await tryOnce(address, port);
    if (typeof answer === 'string') return answer;
    const code = answer.code ?? '';
    if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return 'closed';
    if (refusedOnTheWay.has(code)) return 'silent';
    if (!busy.has(code)) throw answer;
    await sleep(100);
  }
}

function tryOnce(host: string, port: number): Promise<Answer | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: Answer | NodeJS.ErrnoException) => {
      // With a reset: thousands of connections would wait for their end here. One that is not made yet would stay.
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
      resolve(answer);
    };
    // Answers that came in while this program was busy are read before it is called silent.
    socket.setTimeout(patience, () => setImmediate(() => end('silent')));
    socket.once('connect', () => end('open'));
    socket.once('error', end);
  });
}
