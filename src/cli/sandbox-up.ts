import { bootMachine } from '../sandbox/machine.ts';
import { addresses, type DebianRelease, type DriverName, parseDriver, parseRelease } from '../sandbox/names.ts';
import { directoryOf } from '../sandbox/store.ts';
import { flag, required, type Spec } from './options.ts';
import { verb as define } from './verb.ts';

const debian: Spec<DebianRelease> = {
  flags: '--debian <release>',
  description: 'Debian release: 12 or 13 (default: 13)',
  parse: parseRelease,
  fallback: 13,
};

const driver: Spec<DriverName> = {
  flags: '--driver <name>',
  description: 'nspawn: in seconds, on the kernel that is there; qemu: in a minute or so, on its own (default: nspawn)',
  parse: parseDriver,
  fallback: 'nspawn',
};

/** `socle sandbox up` */
export const verb = define({
  options: {
    name: required('<name>', 'name of the machine'),
    debian,
    driver,
    kubernetes: flag('--kubernetes', 'prepare it so that a K3s can run in it'),
  },
  examples: [
    'socle sandbox up try',
    'socle sandbox up true --driver qemu',
    'socle sandbox up old --debian 12',
    'socle sandbox up cluster --kubernetes',
  ],
  about:
    'Boots a Debian like a provider’s image in namespaces of its own; needs root.\n' +
    'It reaches package mirrors and nothing else; all of it goes with `socle sandbox down`, a crash or a reboot.',
  async run({ name, debian, driver, kubernetes }, session) {
    const machine = await bootMachine({ name, release: debian, driver, kubernetes }, session.progress, session.signal);
    return {
      data: { ...machine, addresses: addresses.host, user: 'debian', directory: directoryOf(name) },
      text: `${name} runs Debian ${machine.release}.\n\n  socle sandbox ssh ${name}\n  socle sandbox down ${name}\n`,
    };
  },
});
