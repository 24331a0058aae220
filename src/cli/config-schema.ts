import { platformJsonSchema } from '../platform/json-schema.ts';
import { verb as define } from './verb.ts';

/** `socle config schema` */
export const verb = define({
  options: {},
  examples: ['socle config schema > platform.schema.json'],
  about: 'Prints the JSON Schema (2020-12) of the platform file, for editors and for other checkers.',
  async run() {
    const schema = platformJsonSchema();
    return { data: schema, text: () => JSON.stringify(schema, null, 2) };
  },
});
