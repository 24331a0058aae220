import { resetMachine } from '../sandbox/machine.ts';
import { parseMachineName } from '../sandbox/names.ts';
import { required, type Spec } from './options.ts';
import { verb as define } from './verb.ts';

const append: Spec<string> = {
  flags: '--append <words>',
  description: 'words for the kernel’s command line, for this boot only',
  fallback: '',
};

/** `socle sandbox reset` */
export const verb = define({
  options: { name: required('<name>', 'name of the machine'), append },
  examples: ['socle sandbox reset true', 'socle sandbox reset true --append socle.rescue=1'],
  about: 'What a provider’s console does: the machine (of the driver qemu) boots again at once.',
  async run({ name, append }) {
    await resetMachine(parseMachineName(name), append);
    return { data: { reset: name, append }, text: `${name} boots again.` };
  },
});
