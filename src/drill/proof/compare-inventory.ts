import type { InventoryObject } from '../../database/inventory-schema.ts';
import type { Difference } from '../schema.ts';

type Value = InventoryObject['properties'][string];

/** One object, or one property of it, that is not as expected. */
export interface ObjectDifference {
  readonly kind: string;
  readonly object: string;
  readonly problem: Difference['problem'];
  /** Null when the object itself is missing or extra. */
  readonly property: string | null;
  readonly expected: Value;
  readonly found: Value;
}

/** Objects by kind and name. */
export function byName(objects: readonly InventoryObject[]): Map<string, InventoryObject> {
  return new Map(objects.map((object) => [objectKey(object.kind, object.name), object]));
}

export function objectKey(kind: string, name: string): string {
  return `${kind}\n${name}`;
}

/** Object by object, property by property; an absent property equals null. */
export function compareObjects(
  expected: readonly InventoryObject[],
  found: readonly InventoryObject[],
): ObjectDifference[] {
  const differences: ObjectDifference[] = [];
  const here = byName(found);
  const there = byName(expected);
  for (const [key, object] of there) {
    const other = here.get(key);
    if (!other) {
      differences.push({ ...subject(object), problem: 'missing', property: null, expected: null, found: null });
      continue;
    }
    const names = new Set([...Object.keys(object.properties), ...Object.keys(other.properties)]);
    for (const property of names) {
      const was = object.properties[property] ?? null;
      const is = other.properties[property] ?? null;
      if (was !== is) differences.push({ ...subject(object), problem: 'changed', property, expected: was, found: is });
    }
  }
  for (const [key, object] of here) {
    if (there.has(key)) continue;
    differences.push({ ...subject(object), problem: 'extra', property: null, expected: null, found: null });
  }
  return differences;
}

function subject(object: InventoryObject) {
  return { kind: object.kind, object: object.name };
}
