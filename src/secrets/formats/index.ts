import { extname } from 'node:path';
import { fail } from '../../kernel/errors.ts';
import type { SecretText } from '../leaf.ts';
import { parseEnv } from './env.ts';
import { parseJson } from './json.ts';
import { parseYaml } from './yaml.ts';

export type Format = 'yaml' | 'json' | 'env';

const byExtension: Record<string, Format> = { '.yaml': 'yaml', '.yml': 'yaml', '.json': 'json', '.env': 'env' };

/** @throws `secret-document-unsupported` for a name that says no format that Socle reads */
export function formatOf(fileName: string): Format {
  const format = byExtension[extname(fileName)] ?? (fileName.endsWith('.env') ? 'env' : undefined);
  if (!format) {
    throw fail(
      'secret-document-unsupported',
      `${fileName}: Socle reads documents whose names end in .yaml, .yml, .json or .env; sops also reads .ini and binary files`,
    );
  }
  return format;
}

/** @throws `secret-document-invalid`, `secret-document-unsupported` */
export function parseFile(text: string, format: Format): SecretText {
  return { yaml: parseYaml, json: parseJson, env: parseEnv }[format](text);
}
