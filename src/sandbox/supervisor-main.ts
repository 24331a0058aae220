import { parseMachineName, parseRelease } from './names.ts';
import { directoryOf } from './store.ts';
import { superviseMachine } from './supervisor.ts';

/** The detached process behind `socle sandbox up`: NAME RELEASE IMAGE. It is not a verb: nobody types it. */
const [name = '', release = '', image = ''] = process.argv.slice(2);
const ending = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => ending.abort());
const machine = { name: parseMachineName(name), directory: directoryOf(name), image };
await superviseMachine(machine, parseRelease(release), ending.signal);
