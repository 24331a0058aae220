import { chooseDomains } from '../../../host/domains.ts';
import { type Status, statusSchema } from '../../../observability/schema.ts';
import { piece } from './piece.ts';

/** What the daemon's own state says, asked as the daemon's user; its exit code 3 is an answer. */
export const daemonStatus = piece<Status>({
  nothing: (platform) =>
    chooseDomains(platform, []).includes('ops')
      ? undefined
      : 'the platform file describes nothing for the daemon to do',
  script: '/usr/local/lib/socle/as-daemon status --json || test $? = 3',
  parse: (stdout) => statusSchema.parse(JSON.parse(stdout)),
});
