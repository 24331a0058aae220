import { fail } from '../kernel/errors.ts';
import { parseMachineName } from './names.ts';
import { readRequest } from './store.ts';
import { superviseMachine } from './supervisor.ts';

/** The detached process behind `socle sandbox up`: NAME. It is not a verb: nobody types it. */
const name = parseMachineName(process.argv[2] ?? '');
const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => ending.abort());
// A driver that can be reset listens while its machine runs; in between it is not our end.
process.on('SIGUSR2', () => undefined);
const machine = await readRequest(name);
if (!machine) throw fail('not-found', `nothing is to be run as ${name}`);
await superviseMachine(machine, ending.signal);
