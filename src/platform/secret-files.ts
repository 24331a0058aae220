import { stat } from 'node:fs/promises';
import type { SecretSource } from '../kernel/secret.ts';
import { pathText } from './explain.ts';
import type { Platform } from './schema.ts';

/** Something about a secret's file that will stop a backup, or that others can read. */
export interface SecretFinding {
  /** Such as `backup.vault.password` or `databases[0].connection.password`. */
  readonly path: string;
  readonly file: string;
  readonly problem: string;
}

/** Looks at the files that the platform file takes secrets from, without reading them. */
export async function checkSecretFiles(platform: Platform): Promise<SecretFinding[]> {
  const findings = await Promise.all(
    sources(platform, []).map(async ([path, file]): Promise<SecretFinding[]> => {
      const problem = await problemOf(file);
      return problem === null ? [] : [{ path: pathText(path), file, problem }];
    }),
  );
  return findings.flat();
}

async function problemOf(file: string): Promise<string | null> {
  try {
    const { mode } = await stat(file);
    const bits = mode & 0o777;
    return (bits & 0o077) === 0 ? null : `others can read it (mode 0${bits.toString(8)}): run chmod 600 ${file}`;
  } catch (error) {
    return `it cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  }
}

/** Every `{file: …}` of the platform, wherever the schema has one. */
function sources(value: unknown, path: readonly PropertyKey[]): [path: readonly PropertyKey[], file: string][] {
  if (typeof value !== 'object' || value === null) return [];
  if (isFileSource(value)) return [[path, value.file]];
  if (Array.isArray(value)) return value.flatMap((inner, index) => sources(inner, [...path, index]));
  return Object.entries(value).flatMap(([key, inner]) => sources(inner, [...path, key]));
}

function isFileSource(value: object): value is Extract<SecretSource, { file: string }> {
  const keys = Object.keys(value);
  return keys.length === 1 && keys[0] === 'file' && typeof (value as { file: unknown }).file === 'string';
}
