import type { Metadata } from './leaf.ts';

/** Which values of a document are encrypted; at most one of the four, as in SOPS. */
export type Rules = Pick<
  Metadata,
  'unencrypted_suffix' | 'encrypted_suffix' | 'unencrypted_regex' | 'encrypted_regex' | 'mac_only_encrypted'
>;

/** What Flux wants of a Kubernetes Secret: only its data is encrypted. */
export const kubernetesRules: Rules = { encrypted_regex: '^(data|stringData)$' };

/** What SOPS does when nothing is said. */
export const defaultRules: Rules = { unencrypted_suffix: '_unencrypted' };

/** SOPS' own order of rules (its `shouldBeEncrypted`): a later one that is set decides. */
export function isEncrypted(path: readonly string[], rules: Rules): boolean {
  let encrypted = true;
  const { unencrypted_suffix, encrypted_suffix, unencrypted_regex, encrypted_regex } = rules;
  if (unencrypted_suffix && path.some((part) => part.endsWith(unencrypted_suffix))) encrypted = false;
  if (encrypted_suffix) encrypted = path.some((part) => part.endsWith(encrypted_suffix));
  if (unencrypted_regex && path.some((part) => new RegExp(unencrypted_regex).test(part))) encrypted = false;
  if (encrypted_regex) encrypted = path.some((part) => new RegExp(encrypted_regex).test(part));
  return encrypted;
}
