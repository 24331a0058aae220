/** Time is injected: rules about time are tested without waiting for it. */
export interface Clock {
  /** Wall-clock time; it may jump. */
  now(): Date;
  /** Milliseconds since an arbitrary moment; it never jumps back. For durations. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
};
