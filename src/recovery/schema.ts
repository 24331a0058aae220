import { z } from 'zod';

/** A vault as the kit opens it: everything that restic needs, with the files of the kit that hold the secrets. */
const kitVaultSchema = z.strictObject({
  repository: z.string(),
  /** Without credentials. */
  address: z.string(),
  /** Id of the kit's key in the vault. */
  key: z.string(),
  options: z.record(z.string(), z.string()),
  /** Variables of restic, each with the file that holds its value. */
  environment: z.record(z.string(), z.string()),
});
export type KitVault = z.infer<typeof kitVaultSchema>;

/** `kit.json`: what is in a recovery kit. It holds no secret. */
export const kitSchema = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  platform: z.string(),
  createdAt: z.iso.datetime(),
  vaults: z.array(kitVaultSchema).min(1),
  /** The spare peer of the VPN, where the platform has a host. */
  peer: z.string().nullable(),
  ssh: z.strictObject({ keys: z.array(z.string()), hostKeys: z.array(z.string()) }).nullable(),
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
} as const;
