import { z } from 'zod';

/** What `ansible/host/datastore` says of a copy before it sends it. */
export const copyHeader = z.object({
  format: z.literal('socle-datastore/1'),
  /** Name of the node: a copy comes back under the same one. */
  node: z.string(),
  /** Version of the K3s that wrote it, such as `v1.36.3+k3s1`. */
  k3s: z.string(),
  /** Everything that the cluster had acknowledged by then is in it. */
  takenAt: z.iso.datetime(),
  bytes: z.number(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  files: z.number(),
  /** The newest revision of the datastore. */
  revision: z.number(),
});
export type CopyHeader = z.infer<typeof copyHeader>;

/** The commit record of a copy in the vault: a restic snapshot of its own, written last. */
export const datastoreManifest = copyHeader.extend({
  id: z.string(),
  platform: z.string(),
  finishedAt: z.iso.datetime(),
  /** restic snapshot, the tree in it, and the path of the tar in that. */
  snapshot: z.string(),
  tree: z.string(),
  path: z.string(),
  /** Bytes that the vault grew by. */
  addedBytes: z.number(),
  versions: z.object({ socle: z.string(), restic: z.string() }),
});
export type DatastoreManifest = z.infer<typeof datastoreManifest>;
