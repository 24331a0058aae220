import { json } from 'node:stream/consumers';
import { fail } from '../kernel/errors.ts';
import { answer, askSchema } from '../recovery/exchange.ts';
import { machineHere } from './kit-machine.ts';
import { verb as define } from './verb.ts';

/** `socle kit host` */
export const verb = define({
  options: {},
  examples: [`echo '{"ask": "witness"}' | socle kit host`, `echo '{"ask": "status"}' | socle kit host`],
  about:
    'What `socle kit create`, `confirm` and `status` on an operator’s machine ask of the host, over SSH: which repository\n' +
    'the vaults are and what their newest backup is, and whether a kit opens them. Reads one JSON document from standard\n' +
    'input and prints one. No answer holds a secret.',
  async run(_, session) {
    const asked = askSchema.safeParse(await json(process.stdin).catch(() => undefined));
    if (!asked.success) {
      const forms = askSchema.options.map(({ shape }) => shape.ask.value).join(', ');
      throw fail('usage', 'standard input holds no question', { next: `ask one of: ${forms}` });
    }
    const data = await answer(await machineHere(session), asked.data);
    return { data, text: () => JSON.stringify(data, null, 2) };
  },
});
