import { shutdownGrace } from '../../../cluster/hardening.ts';
import { type Check, check, passUnless } from '../check.ts';

export const shutdownChecks: readonly Check[] = [
  check({
    id: 'k3s-shutdown',
    title: 'pods end in order before the host goes down',
    requirements: ['FR19'],
    side: 'inside',
    next: 'run `socle up`; then `systemctl restart k3s` on the host: the kubelet looks at logind when it starts, and pods outlive it',
    looks: ['shutdown', 'services'],
    judge({ shutdown: { delay, delayedBy }, services: { 'socle-pods.service': unit } }) {
      const wrong: string[] = [];
      if (delay < shutdownGrace.all) wrong.push(`a shutdown waits for ${delay} s, not ${shutdownGrace.all} s`);
      if (!delayedBy.includes('kubelet')) wrong.push('the kubelet does not hold a shutdown back');
      if (unit.active !== 'active' || unit.file !== 'enabled')
        wrong.push(`socle-pods.service is ${unit.active}, ${unit.file || 'not there'}`);
      return passUnless(wrong, `a shutdown waits ${delay} s for the kubelet, and socle-pods.service ends what is left`);
    },
  }),
];
