import { mkdirSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { asSocleError } from '../kernel/errors.ts';
import { run } from '../kernel/process.ts';
import { serverTools } from './client-tools.ts';
import { type HostFacts, normalizeLocale } from './scratch-preflight.ts';
import { outsideOfUsr } from './scratch-sight.ts';

/** What this machine offers to a scratch server of that major version below `root`. */
export async function hostFacts(major: number, root: string): Promise<HostFacts> {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const { bavail, bsize } = statfsSync(root);
  const resources = { freeDisk: bavail * bsize, availableMemory: availableMemory() };
  const tools = await serverTools(major).catch((error) => {
    if (asSocleError(error).code === 'tool-missing') return null;
    throw error;
  });
  if (tools === null) {
    return {
      serverVersion: null,
      icu: false,
      locales: new Set(),
      libraries: new Set(),
      extensions: new Map(),
      files: null,
      sight: [],
      ...resources,
    };
  }
  const [config, locales] = await Promise.all([
    run(join(tools.bin, 'pg_config'), ['--sharedir', '--pkglibdir', '--configure'], { timeout: 30_000 }),
    run('locale', ['-a'], { timeout: 30_000 }),
  ]);
  const [share = '', library = '', configure = ''] = config.stdout.split('\n');
  return {
    serverVersion: tools.version,
    icu: configure.includes('--with-icu') || !configure.includes('--without-icu'),
    locales: new Set(locales.stdout.split('\n').map(normalizeLocale)),
    libraries: new Set(list(library).map((name) => name.replace(/\.so$/, ''))),
    extensions: readExtensions(join(share, 'extension')),
    files: { share, library },
    sight: await outsideOfUsr({ share, library }),
    ...resources,
  };
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Bytes that programs can still get without swapping (proc(5), `MemAvailable`). */
function availableMemory(): number {
  const match = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'));
  return Number(match?.[1] ?? 0) * 1024;
}

function readExtensions(directory: string): HostFacts['extensions'] {
  const files = list(directory);
  return new Map(
    files
      .filter((file) => file.endsWith('.control') && !file.includes('--'))
      .flatMap((file) => {
        const name = file.slice(0, -'.control'.length);
        const text = readControl(join(directory, file));
        if (text === null) return [];
        const defaultVersion = /^\s*default_version\s*=\s*'([^']*)'/m.exec(text)?.[1] ?? '';
        return [[name, { defaultVersion, versions: creatableVersions(name, files) }] as const];
      }),
  );
}

/** Null for a link that leads nowhere, and for a file that may not be read: such an extension is not installed. */
function readControl(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/**
 * Versions that CREATE EXTENSION can reach: those with a script of their own, and those that updates lead to.
 * https://www.postgresql.org/docs/current/extend-extensions.html#EXTEND-EXTENSIONS-UPDATES
 */
export function creatableVersions(name: string, files: readonly string[]): Set<string> {
  const scripts = files
    .filter((file) => file.startsWith(`${name}--`) && file.endsWith('.sql'))
    .map((file) => file.slice(name.length + 2, -'.sql'.length).split('--'));
  const versions = new Set(scripts.filter((parts) => parts.length === 1).map(([version = '']) => version));
  for (let grown = -1; grown !== versions.size; ) {
    grown = versions.size;
    for (const [from = '', to] of scripts) if (to !== undefined && versions.has(from)) versions.add(to);
  }
  return versions;
}
