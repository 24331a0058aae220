import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { explain, type Problem } from './explain.ts';
import { field } from './finding.ts';
import { overlay, overlayChecks } from './overlay.ts';
import { absolutePaths, hostFile, withOwnSecrets } from './paths.ts';
import { crossChecks } from './rules.ts';
import { type Platform, platformSchema } from './schema.ts';
import { parseYaml, type YamlSource } from './yaml-source.ts';

/**
 * Which platform file a command is about: the one named, else `$SOCLE_CONFIG`, else `./platform.yaml`, else
 * `/etc/socle/platform.yaml`.
 * @throws `config-missing` when none is named and neither of the two is there
 */
export function findPlatformFile(named?: string, env: NodeJS.ProcessEnv = process.env): string {
  const places = ['platform.yaml', hostFile];
  const file = named ?? (env.SOCLE_CONFIG || undefined) ?? places.find((place) => existsSync(place));
  if (file !== undefined) return file;
  throw fail(
    'config-missing',
    `no platform file: there is neither ${places.map((place) => resolve(place)).join(' nor ')}`,
  );
}

/**
 * Reads and checks a platform file. Paths in it are relative to the file and come back absolute.
 * @throws `config-missing`, or `config-invalid` with all of its problems at once in `details.problems`
 */
export async function loadPlatform(file: string): Promise<Platform> {
  return withOwnSecrets(absolutePaths(parsePlatform(await readText(file), file), resolve(file)));
}

/** What is written in a platform file and its base, merged and valid, for another machine. @throws as `loadPlatform` */
export async function loadDocument(file: string): Promise<Readonly<Record<string, unknown>>> {
  return { ...(readValid(await readText(file), file).value as Record<string, unknown>) };
}

/** @throws `config-missing` */
async function readText(file: string): Promise<string> {
  try {
    return await readFile(resolve(file), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw fail('config-missing', `${file} does not exist`, { file });
    throw fail('config-missing', `the platform file ${file} cannot be read (${code ?? 'unknown'})`, { file });
  }
}

/** The same for the text of a file, whose base is read from beside it. @throws `config-invalid` */
export function parsePlatform(text: string, file: string): Platform {
  return readValid(text, file).platform;
}

function readValid(text: string, file: string): { readonly platform: Platform; readonly value: unknown } {
  const own = parseYaml(text, file);
  const base = readBase(own, file);
  const source = base ? overlay(own, base) : own;
  if (source.problems.length > 0) {
    throw invalid(
      file,
      source.problems.map((problem) => ({ ...problem, path: '' })),
    );
  }
  const result = platformSchema.safeParse(source.value ?? {}, { reportInput: true });
  const problems = [
    ...(result.error?.issues ?? []).flatMap((issue) => explain(issue, source)),
    ...crossChecks(source),
    ...(base ? overlayChecks(own, base) : []),
  ];
  if (problems.length > 0 || !result.data) throw invalid(file, problems);
  return { platform: result.data, value: source.value };
}

/** @throws `config-invalid` when it cannot be read */
function readBase(own: YamlSource, file: string): YamlSource | undefined {
  const name = field(own.value, 'base');
  // The schema refuses anything else.
  if (typeof name !== 'string' || name.includes('/')) return undefined;
  const base = join(dirname(file), name);
  try {
    return parseYaml(readFileSync(resolve(base), 'utf8'), base);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = `the file ${base} cannot be read (${code ?? 'unknown'})`;
    throw invalid(file, [{ ...own.position(['base']), path: 'base', message }]);
  }
}

function invalid(file: string, unsorted: readonly Problem[]) {
  const other = (problem: Problem) => Number(problem.file !== file);
  const problems = [...unsorted].sort((a, b) => other(a) - other(b) || a.line - b.line || a.column - b.column);
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  ${problemText(problem)}`);
  return fail('config-invalid', `${file} has ${count}:\n${lines.join('\n')}`, { file, problems });
}

/** `platform.yaml:12:5 databases[0].conection: unknown key `conection`; did you mean `connection`?` */
function problemText({ file, line, column, path, message, allowed, about, suggestion }: Problem): string {
  const what = path === '' ? message : `${path}: ${message}`;
  const hints = [
    suggestion === undefined ? '' : `; did you mean \`${suggestion}\`?`,
    allowed === undefined ? '' : `\n      allowed: ${allowed}`,
    about === undefined ? '' : `\n      it is: ${about}`,
  ];
  return `${file}:${line}:${column} ${what}${hints.join('')}`;
}
