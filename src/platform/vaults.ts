import type { Platform, VaultConfig } from './schema.ts';

/** The vault and the second one, where the platform has them. */
export const vaultsOf = ({ backup }: Platform): VaultConfig[] =>
  [backup?.vault, backup?.copy].flatMap((vault) => (vault ? [vault] : []));
