import type { Check } from './check.ts';
import { accessChecks } from './checks/access.ts';
import { cisArgumentChecks } from './checks/cis-arguments.ts';
import { cisFileChecks } from './checks/cis-files.ts';
import { cisKubeletChecks } from './checks/cis-kubelet.ts';
import { clusterChecks } from './checks/cluster.ts';
import { daemonChecks } from './checks/daemon.ts';
import { exposureChecks } from './checks/exposure.ts';
import { fileChecks } from './checks/files.ts';
import { firewallChecks } from './checks/firewall.ts';
import { foreignChecks } from './checks/foreign.ts';
import { platformChecks } from './checks/platform.ts';
import { shutdownChecks } from './checks/shutdown.ts';
import { sshChecks } from './checks/ssh.ts';
import { systemChecks } from './checks/system.ts';

/** Everything that `socle verify` checks, in the order in which it is shown. */
export const checks: readonly Check[] = [
  ...exposureChecks,
  ...sshChecks,
  ...firewallChecks,
  ...accessChecks,
  ...fileChecks,
  ...foreignChecks,
  ...systemChecks,
  ...platformChecks,
  ...daemonChecks,
  ...clusterChecks,
  ...shutdownChecks,
  ...cisFileChecks,
  ...cisArgumentChecks,
  ...cisKubeletChecks,
];
