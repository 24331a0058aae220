import { z } from 'zod';
import { platformSchema } from './schema.ts';

/** The part of JSON Schema (2020-12) that the platform file uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly additionalProperties?: boolean | JsonSchema;
}

let cached: JsonSchema | undefined;

/** JSON Schema of `platform.yaml` as people write it: durations and sizes are text. For editors, and for messages. */
export function platformJsonSchema(): JsonSchema {
  cached ??= {
    title: 'platform.yaml of Socle',
    ...z.toJSONSchema(platformSchema, { io: 'input' }),
  } as JsonSchema;
  return cached;
}

/** What the schema says about the value at `path`; undefined where nothing is allowed. */
export function schemaAt(path: readonly PropertyKey[]): JsonSchema | undefined {
  let candidates: JsonSchema[] = [platformJsonSchema()];
  for (const step of path) {
    candidates = candidates
      .flatMap((schema) => [schema, ...(schema.anyOf ?? [])])
      .flatMap((schema) => {
        if (typeof step === 'number') return schema.items ? [schema.items] : [];
        const property = schema.properties?.[String(step)];
        if (property) return [property];
        return typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : [];
      });
  }
  return candidates[0];
}

/** Keys that a mapping at `path` may have, those of every alternative included. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  const schema = schemaAt(path);
  const shapes = schema ? [schema, ...(schema.anyOf ?? [])] : [];
  return [...new Set(shapes.flatMap((shape) => Object.keys(shape.properties ?? {})))];
}
