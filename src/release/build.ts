import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ownFile } from '../kernel/place.ts';
import { socleVersion } from '../kernel/version.ts';

/** Modules that start on their own: the command line, a thread, the supervisor of throw-away machines. */
const entries = ['cli/main', 'drill/hash-thread', 'sandbox/supervisor-main'];

/** What is read by name at run time, and so lies in a release as it does here. */
const besides = ['LICENSE', 'bin/socle', 'docs/runbooks/restore-by-hand.md', 'src/demo/sample', 'ansible'];

/** The texts of a release, by path: each entry with all that it imports in one file, and what is read besides. */
export async function buildTexts(): Promise<Record<string, string>> {
  const { build } = await import('esbuild');
  const root = ownFile('');
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: entries.map((name) => `src/${name}.ts`),
    outbase: '.',
    outdir: '.',
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    charset: 'utf8',
    legalComments: 'eof',
    logLevel: 'silent',
    // Only a checkout builds releases.
    external: ['esbuild'],
    // Packages in CommonJS ask for Node's modules by `require`.
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
  const texts: Record<string, string> = {
    'package.json': `${JSON.stringify({ name: 'socle', version: socleVersion, type: 'module' }, null, 2)}\n`,
  };
  for (const { path, text } of outputFiles) texts[relative(root, path)] = text;
  for (const path of besides)
    for (const file of await filesOf(ownFile(path))) texts[relative(root, file)] = await readFile(file, 'utf8');
  return texts;
}

async function filesOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOTDIR') return null;
      throw error;
    },
  );
  if (entries === null) return [path];
  return entries
    .filter((one) => one.isFile() && !one.name.endsWith('.pyc'))
    .map((one) => join(one.parentPath, one.name));
}
