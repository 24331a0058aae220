/** How far a reading may be ahead of the one that it follows, bytes. */
const slack = 8 * 2 ** 20;

/**
 * Lets one reading keep pace with a slower one. Two at full speed share the processors as equals, and the slower one,
 * which everybody waits for, gets less than it could use.
 */
export class Pace {
  #lead = 0;
  #followed = 0;
  #ended = false;
  #waiting: Array<() => void> = [];

  /** The slower one has read this many bytes more. */
  lead(bytes: number): void {
    this.#lead += bytes;
    if (this.#mayGoOn()) this.#wake();
  }

  /** The slower one has ended, however it did. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Resolves when the other one may read on after this many bytes more. */
  async follow(bytes: number): Promise<void> {
    this.#followed += bytes;
    if (!this.#mayGoOn()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #mayGoOn(): boolean {
    return this.#ended || this.#followed <= this.#lead + slack;
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
