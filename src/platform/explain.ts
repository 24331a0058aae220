import type { z } from 'zod';
import { closest } from './closest.ts';
import { type JsonSchema, keysAt, schemaAt } from './json-schema.ts';
import type { Position, YamlSource } from './yaml-source.ts';

/** One thing that is wrong with the platform file. Never holds the value of a secret: those are not in the file. */
export interface Problem extends Position {
  /** Such as `databases[0].connection.port`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
  /** What may stand there. */
  readonly allowed?: string;
  /** What the value is for. */
  readonly about?: string;
  /** What was probably meant. */
  readonly suggestion?: string;
}

type Issue = z.core.$ZodIssue;

export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}

/** One validation issue as the problems that a person can correct, each where it was written. */
export function explain(issue: Issue, source: YamlSource, base: readonly PropertyKey[] = []): Problem[] {
  const path = [...base, ...issue.path];
  const schema = schemaAt(path);
  const at = (message: string, extra: Partial<Problem> = {}): Problem[] => [
    { ...source.position(path), path: pathText(path), message, ...allowed(schema), ...extra },
  ];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, source));
    case 'invalid_union':
      return explainUnion(issue, path, source);
    case 'invalid_key':
      return at(`${JSON.stringify(String(path.at(-1)))} cannot be a key here`, {
        ...source.keyPosition(path.slice(0, -1), String(path.at(-1))),
      });
    case 'invalid_type':
      if (issue.input === undefined) return at('this key is missing');
      return at(`expected ${article(issue.expected)}, found ${describe(issue.input)}`);
    case 'invalid_value': {
      const values = issue.values.map(String);
      const suggestion = closest(String(issue.input), values);
      if (issue.input === undefined) return at('this key is missing');
      return at(`${describe(issue.input)} is not one of the values allowed`, suggestion ? { suggestion } : {});
    }
    case 'too_small':
    case 'too_big':
      return at(`${describe(issue.input)} is too ${issue.code === 'too_big' ? 'large' : 'small'}`);
    default:
      return at(`${describe(issue.input)} is not right: expected ${issue.message}`);
  }
}

function unknownKey(path: readonly PropertyKey[], key: string, source: YamlSource): Problem {
  const keys = keysAt(path);
  const suggestion = closest(key, keys);
  return {
    ...source.keyPosition(path, key),
    path: pathText([...path, key]),
    message: `unknown key \`${key}\``,
    allowed: keys.join(', '),
    ...(suggestion ? { suggestion } : {}),
  };
}

/** Of the alternatives, the one that was meant: it has one of the keys that were written, or the fewest problems. */
function explainUnion(issue: z.core.$ZodIssueInvalidUnion, path: PropertyKey[], source: YamlSource): Problem[] {
  const { input } = issue;
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const keys = keysAt(path);
    const form = keys.map((key) => `\`${key}: …\``).join(' or ');
    // What stands there may be a secret that somebody wrote into the file: it is not repeated.
    const message = 'a secret itself does not belong in this file: only where it is';
    return [{ ...source.position(path), path: pathText(path), message, allowed: form }];
  }
  const wrongKeys = Object.keys(input).filter((key) => !keysAt(path).includes(key));
  if (wrongKeys.length > 0) return wrongKeys.map((key) => unknownKey(path, key, source));
  const missing = (issues: readonly Issue[]) =>
    issues.filter((one) => one.code === 'invalid_type' && one.input === undefined);
  const branches = [...issue.errors].sort((a, b) => missing(a).length - missing(b).length || a.length - b.length);
  return (branches[0] ?? []).flatMap((one) => explain(one, source, path));
}

function allowed(schema: JsonSchema | undefined): Pick<Problem, 'allowed' | 'about'> {
  if (!schema) return {};
  if (schema.const !== undefined) return { allowed: JSON.stringify(schema.const) };
  if (schema.enum) return { allowed: schema.enum.join(', ') };
  if (schema.minimum !== undefined && schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER) {
    return {
      allowed: `${schema.type === 'integer' ? 'a whole number' : 'a number'} from ${schema.minimum} to ${schema.maximum}`,
    };
  }
  if (schema.minimum !== undefined) return { allowed: `a whole number from ${schema.minimum}` };
  const example = schema.type === 'string' && typeof schema.default === 'string' ? schema.default : undefined;
  return {
    ...(example === undefined ? {} : { allowed: `text such as ${example}` }),
    ...(schema.description ? { about: schema.description } : {}),
  };
}

function article(expected: string): string {
  const words: Record<string, string> = {
    object: 'a mapping',
    record: 'a mapping',
    array: 'a list',
    string: 'text',
    int: 'a whole number',
    number: 'a number',
    boolean: 'true or false',
  };
  return words[expected] ?? expected;
}

function describe(input: unknown): string {
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a mapping';
  const text = JSON.stringify(input) ?? String(input);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
