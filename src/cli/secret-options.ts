import { list, required, text } from './options.ts';

/** Options that the secret verbs share. */
export const file = required('<file>', 'SOPS document: .yaml, .json or .env');
export const identity = text(
  '--identity <file>',
  'age identity file (default: as sops, from SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD, ~/.config/sops/age/keys.txt)',
);
export const recipients = list('--recipient <age1>', 'who may open the document; may be given several times');
