import { z } from 'zod';
import { Secret } from '../kernel/secret.ts';
import type { KitMachine } from './machine.ts';
import { kitSchema } from './schema.ts';

/** What an operator's machine asks of the host, as JSON on the standard input of `socle kit host`. */
export const askSchema = z.discriminatedUnion('ask', [
  z.strictObject({ ask: z.literal('grant'), id: z.string(), password: z.string().min(1) }),
  z.strictObject({ ask: z.literal('take-back'), id: z.string() }),
  z.strictObject({ ask: z.literal('witness') }),
  z.strictObject({ ask: z.literal('open'), index: z.number().int().min(0), password: z.string().min(1) }),
  z.strictObject({ ask: z.literal('note'), kit: kitSchema, confirmedAt: z.iso.datetime().nullable() }),
  z.strictObject({ ask: z.literal('status') }),
]);
export type Ask = z.infer<typeof askSchema>;

/** What the host answers: what the method of `KitMachine` gives. No answer holds a secret. */
export async function answer(machine: KitMachine, ask: Ask): Promise<unknown> {
  switch (ask.ask) {
    case 'grant':
      return machine.grant(ask.id, new Secret(ask.password));
    case 'take-back':
      return machine.takeBack(ask.id);
    case 'witness':
      return machine.witness();
    case 'open':
      return machine.open(ask.index, new Secret(ask.password));
    case 'note':
      await machine.note(ask.kit, ask.confirmedAt === null ? null : new Date(ask.confirmedAt));
      return machine.status();
    case 'status':
      return machine.status();
  }
}
