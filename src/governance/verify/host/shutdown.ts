import { z } from 'zod';
import { piece, section, sections, withoutCluster } from './piece.ts';

/** Who may hold a shutdown of the host back, and for how long. */
export interface ShutdownFacts {
  /** Seconds that logind gives whoever delays one. */
  readonly delay: number;
  /** Names of the programs that do, such as `kubelet`. */
  readonly delayedBy: readonly string[];
}

const property = z.object({ type: z.literal('t'), data: z.number() });
/** What is held back (words with colons between them), who, why, how (`block` or `delay`), user id, process id. */
const inhibitor = z.tuple([z.string(), z.string(), z.string(), z.string(), z.number(), z.number()]);
const inhibitors = z.object({ data: z.tuple([z.array(inhibitor)]) });

export const shutdown = piece<ShutdownFacts>({
  nothing: withoutCluster,
  script: `set -e
logind() { busctl --json=short "$1" org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager "$2"; }
${section('delay')}
logind get-property InhibitDelayMaxUSec
${section('inhibitors')}
logind call ListInhibitors`,
  parse(stdout) {
    const of = (name: string): unknown => JSON.parse(sections(stdout)(name).join('\n'));
    const [list] = inhibitors.parse(of('inhibitors')).data;
    return {
      delay: property.parse(of('delay')).data / 1_000_000,
      delayedBy: list.flatMap(([what, who, , mode]) =>
        mode === 'delay' && what.split(':').includes('shutdown') ? [who] : [],
      ),
    };
  },
});
