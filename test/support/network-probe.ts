import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

/**
 * Run with Node inside a namespace.
 * `listen tcp/8080 udp/51820 …`: answers what it got on all addresses; prints `ready`.
 * `ask tcp/198.51.100.20/8080 …`: prints a JSON list of those that answered within 700 ms.
 * `talk SOURCE/PORT udp/ADDRESS/PORT TEXT [MILLISECONDS]`: sends a datagram from there, and prints a JSON list of what came back.
 * `hold tcp/ADDRESS/PORT`: keeps one connection, sends each line of its input and prints each answer.
 */
const [mode, ...targets] = process.argv.slice(2);

function listen(target: string): Promise<void> {
  const [protocol, port] = target.split('/');
  return new Promise((resolve) => {
    if (protocol === 'tcp') {
      const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
      server.listen({ port: Number(port), host: '::' }, () => resolve());
    } else {
      const socket = createSocket('udp6');
      socket.on('message', (message, { port, address }) => socket.send(message, port, address));
      socket.bind(Number(port), '::', () => resolve());
    }
  });
}

function ask(target: string): Promise<boolean> {
  const [protocol, host = '', port] = target.split('/');
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), 700);
    const answered = (answer: boolean) => () => {
      clearTimeout(timer);
      resolve(answer);
    };
    if (protocol === 'tcp') {
      const socket = connect({ host, port: Number(port) });
      socket.on('connect', () => socket.write('x'));
      socket.on('data', answered(true));
      socket.on('error', answered(false));
    } else {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
      socket.on('message', answered(true));
      socket.on('error', answered(false));
      socket.send('x', Number(port), host);
    }
  });
}

if (mode === 'listen') {
  await Promise.all(targets.map(listen));
  process.stdout.write('ready\n');
} else if (mode === 'ask') {
  const answers = await Promise.all(targets.map(async (target) => ((await ask(target)) ? [target] : [])));
  process.stdout.write(JSON.stringify(answers.flat()), () => process.exit(0));
} else if (mode === 'talk') {
  const [source, sourcePort] = (targets[0] ?? '').split('/');
  const [, host, port] = (targets[1] ?? '').split('/');
  const heard: string[] = [];
  const socket = createSocket('udp4').on('message', (message) => heard.push(String(message)));
  socket.bind({ address: source, port: Number(sourcePort) }, () => socket.send(targets[2] ?? '', Number(port), host));
  setTimeout(() => process.stdout.write(JSON.stringify(heard), () => process.exit(0)), Number(targets[3] ?? 700));
} else {
  const [, host = '', port] = (targets[0] ?? '').split('/');
  const socket = connect({ host, port: Number(port) }, () => process.stdout.write('ready\n'));
  process.stdin.pipe(socket).pipe(process.stdout);
}
