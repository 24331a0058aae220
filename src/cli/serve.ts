import { resolve } from 'node:path';
import { serve } from '../daemon/serve.ts';
import { endProcess } from '../daemon/shutdown.ts';
import { exit } from '../kernel/errors.ts';
import { createLog } from '../kernel/log.ts';
import { verb as define } from './verb.ts';

/** `socle serve` */
export const verb = define({
  options: {},
  examples: ['socle serve', 'socle serve --config /etc/socle/platform.yaml'],
  about:
    'Runs schedules, watches, and answers the API on loopback (on a host, in the VPN), until SIGINT or SIGTERM. One daemon per state directory.\n' +
    'It logs JSON lines on standard error; SOCLE_LOG sets the level (debug, info, warn, error).',
  async run(_, session) {
    const platform = await session.platform();
    const log = createLog();
    await serve(
      platform,
      { configFile: resolve(session.file()), signal: session.signal },
      { clock: session.clock, log },
    );
    // Not by its return: a thread that hangs would keep the process.
    return endProcess(exit.ok);
  },
});
