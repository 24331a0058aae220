/** Something that is wrong between several keys, before it is known where it was written. */
export interface Finding {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly allowed?: string;
}

/** A key of the file as it was written, valid or not. */
export function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
