import { readdir } from 'node:fs/promises';
import { run } from '../kernel/process.ts';
import { socleVersion } from '../kernel/version.ts';
import { pairs } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle version` */
export const verb = define({
  options: {},
  examples: ['socle version', 'socle version --json'],
  async run() {
    const restic = await run('restic', ['version']).then(
      ({ stdout }) => /^restic (\S+)/.exec(stdout)?.[1] ?? null,
      () => null,
    );
    const postgresql = await readdir('/usr/lib/postgresql').then(
      (majors) => majors.map(Number).sort((a, b) => a - b),
      () => [],
    );
    const versions = { socle: socleVersion, node: process.versions.node, restic, postgresql };
    return {
      data: versions,
      text: pairs([
        ['socle', versions.socle],
        ['node', versions.node],
        ['restic', restic ?? 'not installed'],
        ['postgresql', postgresql.join(', ') || 'not installed'],
      ]),
    };
  },
});
