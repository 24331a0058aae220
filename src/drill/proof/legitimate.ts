import type { Inventory, InventoryObject, ServerFacts } from '../../database/inventory-schema.ts';
import { byName, type ObjectDifference, objectKey } from './compare-inventory.ts';

/**
 * Properties that are text which PostgreSQL prints from a parsed form. After a correct restore it may be spelled
 * otherwise (a varchar's `CHECK (status IN ('a', 'b'))` is), and only for these is the artifact's own schema asked.
 */
const spelled: Readonly<Record<string, readonly string[]>> = {
  column: ['default', 'generated'],
  constraint: ['definition'],
  domain: ['default'],
  'domain constraint': ['definition'],
  function: ['definition'],
  index: ['definition'],
  'materialized view': ['definition'],
  'partitioned table': ['partitionKey', 'partitionBound'],
  policy: ['using', 'check'],
  procedure: ['definition'],
  'publication table': ['filter'],
  rule: ['definition'],
  statistics: ['definition'],
  table: ['partitionBound'],
  trigger: ['definition'],
  type: ['default'],
  view: ['definition'],
};

/** Whether the difference may be one of spelling alone. */
export function maySpellOtherwise({ kind, property, expected, found }: ObjectDifference): boolean {
  return property !== null && expected !== null && found !== null && (spelled[kind] ?? []).includes(property);
}

/** Whether the copy spells it as the artifact's schema does when it is rebuilt in an empty database. */
export function isRespelled(difference: ObjectDifference, rebuilt: readonly InventoryObject[]): boolean {
  if (!maySpellOtherwise(difference)) return false;
  const object = byName(rebuilt).get(objectKey(difference.kind, difference.object));
  return object?.properties[difference.property ?? ''] === difference.found;
}

/**
 * Roles belong to the server, not to the database: one that the source has not is no difference of the copy, and neither
 * is what is said about that role alone.
 */
export function isAboutForeignRole(difference: ObjectDifference, foreign: ReadonlySet<string>): boolean {
  const { kind, object, problem } = difference;
  if (problem !== 'extra') return false;
  if (kind === 'role') return foreign.has(object);
  if (kind === 'membership') return [...foreign].some((role) => object.startsWith(`${role} IN `));
  if (kind === 'setting') return [...foreign].some((role) => object.startsWith(`role ${role}: `));
  return false;
}

/** Roles of the copy's server that the source's has not, quoted where needed. */
export function foreignRoles(source: Inventory, copy: Inventory): Set<string> {
  const names = (inventory: Inventory) =>
    inventory.objects.filter(({ kind }) => kind === 'role').map(({ name }) => name);
  const known = new Set(names(source));
  return new Set(names(copy).filter((name) => !known.has(name)));
}

/** Hashes of secrets are compared, and never shown. */
export const isSecret = (kind: string, property: string | null): boolean =>
  property === 'password' || (kind === 'user mapping' && property === 'options');

/**
 * What no dump carries and every restore makes: a difference of its kind is no fault of the backup, and is said in a
 * note. Null for any other difference.
 */
export function notCarried({ kind, object, problem, property, expected, found }: ObjectDifference): string | null {
  if (kind === 'schema' && object === 'public' && problem === 'extra') {
    return 'the source has no schema public, which every new database has: the copy has it, too';
  }
  if (kind === 'extension' && object === 'plpgsql' && problem === 'extra') {
    return 'the source has no extension plpgsql, which every new database has: the copy has it, too';
  }
  if (property === 'detaching' && found === null) {
    return `partition ${object} was being detached on the source (DETACH PARTITION … CONCURRENTLY, not finished): no dump carries that, the copy has it attached`;
  }
  if (kind === 'constraint' && property === 'enforced' && expected !== null && found === 'yes') {
    return `foreign key ${object} was enforced ${expected} on the source (DISABLE TRIGGER): no dump carries that, the copy enforces it`;
  }
  return null;
}

/** Facts of the two servers that may differ after a correct restore, and that a reader should know of. */
export function serverNotes(source: ServerFacts, copy: ServerFacts): string[] {
  const notes: string[] = [];
  if (source.versionNumber !== copy.versionNumber && source.major === copy.major) {
    notes.push(`the source ran PostgreSQL ${source.version}, the copy ${copy.version}`);
  }
  const versions = new Map(copy.collations.map(({ name, version }) => [name, version]));
  for (const { name, version } of source.collations) {
    const found = versions.get(name) ?? null;
    if (found !== version && versions.has(name)) {
      notes.push(
        `collation ${name} had version ${version ?? 'none'} on the source and has ${found ?? 'none'} here: texts may sort otherwise`,
      );
    }
  }
  return notes;
}
