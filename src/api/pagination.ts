import { z } from 'zod';
import { invalid } from './problems.ts';

/** Where a page ended. Callers get it as opaque text. */
export interface Position {
  readonly startedAt: string;
  readonly id: string;
}

const positionSchema = z.tuple([z.iso.datetime(), z.string().min(1).max(100)]);

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('how many at most'),
  cursor: z.string().max(400).optional().describe('`next` of the page before'),
};

/** A page: `next` is the cursor of the page after it, and absent on the last one. That is the only end. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({
    items: z.array(item),
    next: z.string().optional().describe('cursor of the next page; absent on the last one'),
  });

/** @throws a validation problem that names the field */
export function readCursor(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  try {
    const [startedAt, id] = positionSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { startedAt, id };
  } catch {
    throw invalid([{ field: 'cursor', message: 'it is not one that this API gave: use `next` of the page before' }]);
  }
}

/** Cuts a page from one item more than it holds: that one tells whether there is another page. */
export function cutPage<T extends Position>(found: readonly T[], limit: number): { items: T[]; next?: string } {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || last === undefined) return { items };
  return { items, next: Buffer.from(JSON.stringify([last.startedAt, last.id])).toString('base64url') };
}
