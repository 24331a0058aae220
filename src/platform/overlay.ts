import { type Problem, pathText } from './explain.ts';
import { type Finding, field } from './finding.ts';
import type { YamlSource } from './yaml-source.ts';

/**
 * A platform file laid over another. Mappings are merged key by key, and lists of things with names by name; anything
 * else that stands in the upper file replaces what the lower one has there. Every place is told in the file that it is in.
 */
export function overlay(upper: YamlSource, lower: YamlSource): YamlSource {
  const sources = [upper, lower] as const;
  const nearest = (path: readonly PropertyKey[]) => {
    const found = follow(path, upper.value, lower.value).map((own, index) => ({
      source: sources[index] ?? upper,
      depth: own.length,
      path: [...own, ...path.slice(own.length)],
    }));
    return found.reduce((best, one) => (one.depth > best.depth ? one : best));
  };
  return {
    value: merge(upper.value, lower.value),
    problems: [...upper.problems, ...lower.problems],
    position(path) {
      const { source, path: own } = nearest(path);
      return source.position(own);
    },
    keyPosition(path, key) {
      const { source, path: own } = nearest([...path, key]);
      return source.keyPosition(own.slice(0, -1), key);
    },
  };
}

type Mapping = Readonly<Record<string, unknown>>;

const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The names of a list's entries; undefined when one has none, or two have the same. */
function namesOf(list: unknown): string[] | undefined {
  if (!Array.isArray(list)) return undefined;
  const names = list.map((entry) => field(entry, 'name')).filter((name) => typeof name === 'string');
  return names.length === list.length && new Set(names).size === names.length ? names : undefined;
}

/** Names of a merged list in its order: those below, then those that are only above. */
function mergedNames(upper: unknown, lower: unknown): string[] | undefined {
  const [above, below] = [namesOf(upper), namesOf(lower)];
  return above && below && [...new Set([...below, ...above])];
}

function merge(upper: unknown, lower: unknown): unknown {
  if (upper === undefined) return lower;
  if (isMapping(upper) && isMapping(lower)) {
    const keys = new Set([...Object.keys(lower), ...Object.keys(upper)]);
    return Object.fromEntries([...keys].map((key) => [key, merge(upper[key], lower[key])]));
  }
  const names = mergedNames(upper, lower);
  if (!names) return upper;
  const entry = (list: unknown, name: string) =>
    (list as unknown[]).find((one): one is Mapping => field(one, 'name') === name);
  return names.map((name) => merge(entry(upper, name), entry(lower, name)));
}

/** How far a path of the merged value leads in each of the two: their own paths, which end where one has no more. */
function follow(path: readonly PropertyKey[], upper: unknown, lower: unknown): [PropertyKey[], PropertyKey[]] {
  const own: [PropertyKey[], PropertyKey[]] = [[], []];
  let values: [unknown, unknown] = [upper, lower];
  for (const step of path) {
    const [above, below] = values;
    const names = typeof step === 'number' ? mergedNames(above, below) : undefined;
    const hidden = above !== undefined && !names && !(isMapping(above) && isMapping(below));
    const next = values.map((value, index): [PropertyKey, unknown] => {
      if (value === undefined || (index === 1 && hidden)) return [step, undefined];
      const at = names ? (namesOf(value) ?? []).indexOf(names[Number(step)] ?? '') : step;
      return [at, field(value, String(at))];
    });
    next.forEach(([at, value], index) => {
      if (value !== undefined) own[index]?.push(at);
    });
    values = [next[0]?.[1], next[1]?.[1]];
  }
  return own;
}

/** What an environment may not leave to the file below: two platforms would share their keys, backups or host. */
export function overlayChecks(upper: YamlSource, lower: YamlSource): Problem[] {
  const [above, below] = [upper.value, lower.value];
  const host = (file: unknown) => field(field(file, 'host'), 'address');
  const merged = field(above, 'name') ?? field(below, 'name');
  const findings: (Finding | false)[] = [
    merged !== undefined &&
      merged === field(below, 'name') && {
        path: ['name'],
        message: 'the base has this name: a platform needs one of its own, which its keys, backups and state go by',
      },
    field(above, 'environment') === undefined && {
      path: ['environment'],
      message: 'a file with a base says itself which environment it is',
      allowed: 'dev, staging, prod',
    },
    host(below) !== undefined &&
      (host(above) ?? host(below)) === host(below) && {
        path: ['host', 'address'],
        message: 'the base has this host: `socle up` would make it another platform',
        allowed: 'a host of its own',
      },
  ];
  const own = findings.flatMap((finding) => (finding ? [finding] : []));
  const nested = field(below, 'base') !== undefined;
  return [
    ...own.map(({ path, ...rest }) => ({ ...upper.position(path), path: pathText(path), ...rest })),
    ...(nested ? [{ ...lower.position(['base']), path: 'base', message: 'a base has no base of its own' }] : []),
  ];
}
