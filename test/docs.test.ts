import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { checksAsMarkdown } from '../src/governance/verify/markdown.ts';
import { stateSchema } from '../src/observability/schema.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const markdown = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

const requirements = z.object({
  requirements: z.array(
    z.strictObject({
      id: z.string(),
      requires: z.string(),
      status: z.enum(['done', 'partial', 'not yet']),
      note: z.string().optional(),
      shown_by: z
        .array(z.union([z.strictObject({ test: z.string() }), z.strictObject({ command: z.string() })]))
        .optional(),
    }),
  ),
});

/** How many of each family the requirements document has. */
const families = { FR: 27, 'NFR-': 12, 'ES-': 4, 'AM-': 4, 'DS-': 3, 'EC-': 3, 'RL-': 3, 'AD-': 3, 'MO-': 5 } as const;

test('every requirement has its line, and what is said to show it exists', () => {
  const { requirements: lines } = requirements.parse(parse(read('docs/requirements.yaml')));
  const ids = Object.entries(families).flatMap(([family, count]) =>
    Array.from({ length: count }, (_, index) => `${family}${index + 1}`),
  );
  expect(lines.map(({ id }) => id).sort()).toEqual(ids.sort());
  for (const { id, status, note, shown_by = [] } of lines) {
    for (const shown of shown_by)
      if ('test' in shown) expect(existsSync(join(root, shown.test)), shown.test).toBe(true);
    if (status === 'done') expect(shown_by.length, id).toBeGreaterThan(0);
    else expect(note, id).toBeTypeOf('string');
  }
});

test('every decision has context, decision and consequences, and the numbers have no gap', () => {
  const pages = readdirSync(join(root, 'docs/adr')).sort();
  pages.forEach((name, index) => {
    const text = read(`docs/adr/${name}`);
    expect(name).toMatch(new RegExp(`^${String(index + 1).padStart(4, '0')}-`));
    expect(text).toMatch(new RegExp(`^# ${index + 1}\\. `));
    for (const heading of ['Context', 'Decision', 'Consequences']) expect(text, name).toContain(`\n## ${heading}\n`);
    expect(text, name).toMatch(/^Status: /m);
  });
});

test('there is a page for every state that somebody may be told about', () => {
  for (const kind of ['backups', 'drills', 'integrity', 'datastore', 'copies', 'retention']) {
    for (const state of stateSchema.options.filter((option) => option !== 'ok')) {
      const text = read(`docs/runbooks/${kind}-${state.replaceAll(' ', '-')}.md`);
      for (const heading of ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'])
        expect(text).toContain(`\n## ${heading}\n`);
    }
  }
});

test('docs/verify.md lists every check as `socle verify --list` prints it', () => {
  expect(read('docs/verify.md')).toContain(checksAsMarkdown());
});

test.each(markdown)('links of %s lead somewhere', (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
  for (const link of links.filter((one) => !/^[a-z]+:/.test(one))) {
    expect(existsSync(join(root, dirname(page), link)), link).toBe(true);
  }
});
