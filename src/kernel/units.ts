/** Sizes and durations as people write and read them. */

const sizes = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
const times = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `1.5 GiB` → bytes; undefined when it is not a size. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(B|KiB|MiB|GiB|TiB)$/.exec(text.trim());
  return match ? Math.round(Number(match[1]) * sizes[match[2] as keyof typeof sizes]) : undefined;
}

/** `90s`, `60m`, `1h30m` → milliseconds; undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const compact = text.trim();
  if (!/^(\d+(?:\.\d+)?(ms|s|m|h|d))+$/.test(compact)) return undefined;
  let total = 0;
  for (const [, amount, unit] of compact.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * times[unit as keyof typeof times];
  }
  return total;
}

/** Bytes → `1.2 GiB`. */
export function formatSize(bytes: number): string {
  let unit: keyof typeof sizes = 'B';
  for (const name of Object.keys(sizes) as (keyof typeof sizes)[]) if (Math.abs(bytes) >= sizes[name]) unit = name;
  const value = bytes / sizes[unit];
  return unit === 'B' ? `${bytes} B` : `${value.toFixed(value < 10 ? 2 : 1)} ${unit}`;
}

/** Milliseconds → `850 ms`, `4.2 s`, `3 m 20 s`, `2 h 5 m`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < times.h) return `${Math.floor(ms / times.m)} m ${Math.round((ms % times.m) / times.s)} s`;
  if (ms < times.d) return `${Math.floor(ms / times.h)} h ${Math.round((ms % times.h) / times.m)} m`;
  return `${Math.floor(ms / times.d)} d ${Math.round((ms % times.d) / times.h)} h`;
}
