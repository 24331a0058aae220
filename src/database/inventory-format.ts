import { type InventoryObject, inventoryFormat } from './inventory-schema.ts';

/** Properties that an inventory has only from this format on; `*` stands for the whole object. */
const since2: Readonly<Record<string, readonly string[]>> = {
  constraint: ['enforced'],
  'foreign table': ['order', 'detaching'],
  function: ['dependsOn'],
  index: ['dependsOn'],
  'materialized view': ['dependsOn'],
  'partitioned table': ['order', 'detaching'],
  procedure: ['dependsOn'],
  role: ['password'],
  subscription: [
    ...['binary', 'streaming', 'twoPhase', 'disableOnError', 'origin', 'passwordRequired', 'runAsOwner', 'failover'],
  ],
  table: ['order', 'detaching'],
  tablespace: ['*'],
  trigger: ['dependsOn'],
  type: ['multirange', 'subscript'],
};

/** Rights on columns of the system came with format 2 as well. */
const columnRights = ({ kind, name }: InventoryObject) => kind === 'rights' && name.startsWith('column ');

/**
 * The objects as an inventory of this format has them: an older backup knows less, and what it never looked at is no
 * difference of its copy.
 */
export function asFormat(objects: readonly InventoryObject[], format: number): readonly InventoryObject[] {
  if (format >= inventoryFormat) return objects;
  return objects
    .filter((object) => since2[object.kind]?.[0] !== '*' && !columnRights(object))
    .map((object) => {
      const later = since2[object.kind] ?? [];
      const known = Object.entries(object.properties).filter(([property]) => !later.includes(property));
      return { ...object, properties: Object.fromEntries(known) };
    });
}
