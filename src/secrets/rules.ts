import { compileRe2 } from './re2.ts';

/** Which values of a document are encrypted; at most one of the first four, as in SOPS. */
export interface Rules {
  readonly unencrypted_suffix?: string;
  readonly encrypted_suffix?: string;
  readonly unencrypted_regex?: string;
  readonly encrypted_regex?: string;
  readonly mac_only_encrypted?: boolean;
}

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
  if (unencrypted_regex && path.some((part) => compileRe2(unencrypted_regex).test(part))) encrypted = false;
  if (encrypted_regex) encrypted = path.some((part) => compileRe2(encrypted_regex).test(part));
  return encrypted;
}
