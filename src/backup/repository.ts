import { resolve } from 'node:path';
import type { Secret } from '../kernel/secret.ts';

/** A restic repository taken apart: what restic gets, and what people may see. */
export interface Repository {
  /** For restic's environment; it may hold credentials. */
  readonly location: string;
  /** Without credentials. */
  readonly address: string;
  /** The directory when it is one of this machine. */
  readonly directory: string | null;
  /** User name and password of the location, as written and decoded: never to be shown. */
  readonly secrets: readonly string[];
}

const scheme = /^(sftp|rest|s3|b2|azure|gs|swift|rclone):/;

/**
 * Credentials of a REST server come from the variables RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD, which restic
 * knows since 0.16: put into the location they work with 0.14 as well.
 */
export function readRepository(repository: string, environment: ReadonlyMap<string, Secret>): Repository {
  if (!scheme.test(repository)) {
    const directory = resolve(repository.replace(/^local:/, ''));
    return { location: directory, address: directory, directory, secrets: [] };
  }
  if (!/^(rest|s3):https?:\/\//.test(repository)) {
    return { location: repository, address: repository, directory: null, secrets: [] };
  }
  const separator = repository.indexOf(':');
  const kind = repository.slice(0, separator);
  const url = new URL(repository.slice(separator + 1));
  if (kind === 'rest') {
    const user = environment.get('RESTIC_REST_USERNAME');
    const password = environment.get('RESTIC_REST_PASSWORD');
    if (user) url.username = encodeURIComponent(user.reveal());
    if (password) url.password = encodeURIComponent(password.reveal());
  }
  const location = `${kind}:${url.href}`;
  const secrets = [url.password, decodeURIComponent(url.password)].filter((text) => text !== '');
  url.username = '';
  url.password = '';
  return { location, address: `${kind}:${url.href}`, directory: null, secrets };
}

/** Replaces every secret by `[secret]`, and any password in a URL. */
export function mask(text: string, secrets: readonly string[]): string {
  let masked = text.replace(/(\w+:\/\/)[^/\s:@]*:[^/\s@]*@/g, '$1[secret]@');
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    if (secret !== '') masked = masked.replaceAll(secret, '[secret]');
  }
  return masked;
}
