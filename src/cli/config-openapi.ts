import { openApiDocument } from '../api/openapi-document.ts';
import { verb as define } from './verb.ts';

/** `socle config openapi` */
export const verb = define({
  options: {},
  examples: ['socle config openapi > openapi.json'],
  about: 'Prints the OpenAPI 3.1 document of the API that `socle serve` answers.',
  async run() {
    const document = await openApiDocument();
    return { data: document, text: () => JSON.stringify(document, null, 2) };
  },
});
