import { constants, setPriority } from 'node:os';

/**
 * Gives this process, and the programs that it starts, the lowest priority. For work that nobody waits for and that
 * reads what programs of the lowest priority print: a reader of a higher one keeps a processor for itself, which it then
 * does not use, and leaves them the other ones.
 */
export function yieldToOthers(): void {
  setPriority(constants.priority.PRIORITY_LOW);
}
