import { chooseDomains } from '../../../host/domains.ts';
import { type Status, statusSchema } from '../../../observability/schema.ts';
import type { Platform } from '../../../platform/schema.ts';
import { piece } from './piece.ts';

/** Why nothing of the daemon, and of what it runs, is looked at. */
export const withoutDaemon = (platform: Platform) =>
  chooseDomains(platform, []).includes('ops') ? undefined : 'the platform file describes nothing for the daemon to do';

/** What the daemon's own state says, asked as the daemon's user; its exit code 3 is an answer. */
export const daemonStatus = piece<Status>({
  nothing: withoutDaemon,
  script: '/usr/local/lib/socle/as-daemon status --json || test $? = 3',
  parse: (stdout) => statusSchema.parse(JSON.parse(stdout)),
});
