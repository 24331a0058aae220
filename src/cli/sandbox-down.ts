import { fail } from '../kernel/errors.ts';
import { removeMachine } from '../sandbox/machine.ts';
import { parseMachineName } from '../sandbox/names.ts';
import { required } from './options.ts';
import { verb as define } from './verb.ts';

/** `socle sandbox down` */
export const verb = define({
  options: { name: required('<name>', 'name of the machine') },
  examples: ['socle sandbox down try'],
  async run({ name }) {
    if (!(await removeMachine(parseMachineName(name)))) {
      throw fail('not-found', `no machine called ${name} runs`, { name, next: 'see `socle sandbox list`' });
    }
    return { data: { removed: name }, text: `${name} is gone, with everything in it.` };
  },
});
