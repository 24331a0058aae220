/** How long work tells how far it is. Implementations draw it on a terminal, log it, or drop it. */
export interface Progress {
  /** A new step begins; the one before it has ended. `text` is a short phrase such as `dumping shop`. */
  step(text: string): void;
  /** How far the current step is: bytes or items, with the total where it is known. */
  update(done: number, total?: number, unit?: 'bytes' | 'items'): void;
  /** A line that stays on the screen. */
  note(text: string): void;
}

export const silent: Progress = { step: () => {}, update: () => {}, note: () => {} };
