import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { roleFile } from '../src/host/bundle.ts';
import { ownFile } from '../src/kernel/place.ts';

/**
 * The packages that these roles install on one host or another, from their own defaults: what is called `…_packages`, or
 * `…_package` for a single one. An expression chooses among those, and names none.
 */
export async function packagesOf(roles: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const role of roles) {
    const defaults: Readonly<Record<string, unknown>> = parse(
      await readFile(roleFile(role, 'defaults/main.yml'), 'utf8'),
    );
    for (const [name, value] of Object.entries(defaults)) {
      const named = /_packages?$/.test(name) ? [value].flat().map(String) : [];
      for (const one of named) if (!one.includes('{{')) found.add(one);
    }
  }
  return [...found].sort();
}

/** The domain of each role, from the play; a role of several domains belongs to each host, whatever it is to be. */
export async function domainsOfRoles(): Promise<Readonly<Record<string, string>>> {
  const [play]: readonly Play[] = parse(await readFile(ownFile('ansible/site.yml'), 'utf8'));
  return Object.fromEntries(
    (play?.tasks ?? []).map(({ tags, 'ansible.builtin.import_role': { name } }) => [
      name,
      tags.length === 1 ? String(tags[0]) : 'every domain',
    ]),
  );
}

/** The play, as far as it is read here. */
interface Play {
  readonly tasks: ReadonlyArray<{
    readonly 'ansible.builtin.import_role': { readonly name: string };
    readonly tags: readonly string[];
  }>;
}
