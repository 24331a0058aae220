import { extname } from 'node:path';
import { fail } from '../../kernel/errors.ts';
import type { SecretFile } from '../leaf.ts';
import { parseEnv } from './env.ts';
import { parseJson, parseYaml } from './yaml.ts';

export type Format = 'yaml' | 'json' | 'env';

const byExtension: Record<string, Format> = { '.yaml': 'yaml', '.yml': 'yaml', '.json': 'json', '.env': 'env' };

/** @throws `secret-document-invalid` for a name that says no format */
export function formatOf(fileName: string): Format {
  const format = byExtension[extname(fileName)] ?? (fileName.endsWith('.env') ? 'env' : undefined);
  if (!format) throw fail('secret-document-invalid', `${fileName}: the name has to end in .yaml, .yml, .json or .env`);
  return format;
}

export function parseFile(text: string, format: Format): SecretFile {
  return { yaml: parseYaml, json: parseJson, env: parseEnv }[format](text);
}
