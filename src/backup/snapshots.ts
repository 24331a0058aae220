import { basename } from 'node:path';
import { z } from 'zod';
import type { Item, ItemName, Stored } from './vault.ts';

/** What `restic snapshots --json` says of one (restic 0.14 and 0.18). */
const snapshotSchema = z.object({
  id: z.string(),
  tree: z.string(),
  time: z.string(),
  paths: z.array(z.string()),
  tags: z.array(z.string()).nullish(),
});

const items: readonly string[] = [
  'dump',
  'manifest',
  'report',
  'state',
  'datastore',
  'datastore-manifest',
] satisfies Item[];

/** Tags make a snapshot ours, and say what it is: they survive `restic copy`. */
export function tagsOf(platform: string, name: Omit<ItemName, 'file'>): string[] {
  return ['socle', `platform=${platform}`, `db=${name.database}`, `item=${name.item}`, `id=${name.id}`];
}

/** Filter of `restic snapshots` for all that is ours on a platform. */
export const filterOf = (platform: string): string => `socle,platform=${platform}`;

/** Full ids of all snapshots in a list, whoever they belong to. */
export function loadedIds(json: string): string[] {
  const found = z.array(snapshotSchema.pick({ id: true })).parse(JSON.parse(json.trim() === '' ? '[]' : json) ?? []);
  return found.map(({ id }) => id);
}

/** Reads a list of snapshots, oldest first, and drops whatever does not carry all of our tags. */
export function parseSnapshots(json: string, platform: string): Stored[] {
  const found = z.array(snapshotSchema).parse(JSON.parse(json.trim() === '' ? '[]' : json) ?? []);
  return found
    .flatMap((snapshot) => {
      const tags = snapshot.tags ?? [];
      const tagValue = (name: string) => tags.find((tag) => tag.startsWith(`${name}=`))?.slice(name.length + 1);
      const item = tagValue('item');
      const [database, id] = [tagValue('db'), tagValue('id')];
      if (!tags.includes('socle') || tagValue('platform') !== platform) return [];
      if (item === undefined || !items.includes(item) || database === undefined || id === undefined) return [];
      const stored: Stored = {
        snapshot: snapshot.id,
        tree: snapshot.tree,
        item: item as Item,
        database,
        id,
        time: new Date(snapshot.time),
        // restic keeps the path on the machine it came from; in the snapshot every file of ours is at the root.
        paths: snapshot.paths.map((path) => `/${basename(path)}`),
      };
      return [stored];
    })
    .sort((a, b) => a.time.getTime() - b.time.getTime());
}
