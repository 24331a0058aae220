import { accounts, sshd } from './access.ts';
import { clusterConfig, clusterFiles, clusterServer, encryption, kubelet } from './cluster.ts';
import { clusterObjects } from './cluster-objects.ts';
import { daemonStatus } from './daemon.ts';
import { drift } from './drift.ts';
import { files } from './files.ts';
import { firewall } from './firewall.ts';
import { foreign } from './foreign.ts';
import { apparmor, audit, sysctls } from './kernel.ts';
import { sockets, tunnelState } from './network.ts';
import { podView } from './pods.ts';
import { postgresql } from './postgresql.ts';
import { runs } from './runs.ts';
import { services } from './services.ts';
import { shutdown } from './shutdown.ts';
import { system } from './system.ts';
import { disks, journal, synchronised, updates } from './upkeep.ts';

/** Everything that is looked at on the host, in one connection. */
export const pieces = {
  system,
  firewall,
  sysctls,
  apparmor,
  audit,
  services,
  files,
  tunnelState,
  sockets,
  sshd,
  accounts,
  updates,
  synchronised,
  disks,
  journal,
  runs,
  drift,
  foreign,
  daemonStatus,
  postgresql,
  clusterServer,
  clusterFiles,
  clusterConfig,
  clusterObjects,
  kubelet,
  encryption,
  shutdown,
  podView,
} as const;

export type PieceName = keyof typeof pieces;
export type HostFacts = { readonly [K in PieceName]: ReturnType<(typeof pieces)[K]['parse']> };
