import { z } from 'zod';

/** A vault as the kit opens it: everything that restic needs, with the files of the kit that hold the secrets. */
const kitVaultSchema = z.strictObject({
  /** As the machine that backs up names it. */
  repository: z.string(),
  /** Without credentials. */
  address: z.string(),
  /** Id of the repository: another one at the same place is another vault. */
  repositoryId: z.string(),
  /** Id of the kit's key in the vault. */
  key: z.string(),
  /** A directory of the host that is backed up: lost with it, and reached only there. */
  onHost: z.boolean(),
  /** Extended options of restic. `{kit}` stands for the directory of the kit. */
  options: z.record(z.string(), z.string()),
  /** Variables of restic, each with the file of the kit that holds its value. */
  environment: z.record(z.string(), z.string()),
  /** Variables of restic whose value is the path of a file of the kit. */
  paths: z.record(z.string(), z.string()),
});
export type KitVault = z.infer<typeof kitVaultSchema>;

/** `kit.json`: what is in a recovery kit. It holds no secret. */
export const kitSchema = z.strictObject({
  version: z.literal(2),
  id: z.string(),
  platform: z.string(),
  createdAt: z.iso.datetime(),
  vaults: z.array(kitVaultSchema).min(1),
  /** The spare peer of the VPN, where the platform has a host. */
  peer: z.string().nullable(),
  ssh: z.strictObject({ keys: z.array(z.string()), hostKeys: z.array(z.string()) }).nullable(),
  /** Further files: keys of vaults, passwords of databases, the host's key in the VPN. */
  files: z.array(z.string()),
});
export type Kit = z.infer<typeof kitSchema>;

/** Files of a kit. */
export const kitFiles = {
  index: 'kit.json',
  page: 'come-back.md',
  byHand: 'restore-by-hand.md',
  password: 'vault.password',
  identity: 'operator.agekey',
  peer: 'vpn.conf',
  knownHosts: 'known_hosts',
  hostKey: 'host-wireguard.key',
} as const;

/** Stands for the directory of the kit in options of restic. */
export const kitPlace = '{kit}';
