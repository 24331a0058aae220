import { exit } from '../kernel/errors.ts';
import { checkSecretFiles } from '../platform/secret-files.ts';
import { warn } from './paint.ts';
import { verb as define } from './verb.ts';

/** `socle config check`: whatever is wrong with the file is the error. */
export const verb = define({
  options: {},
  examples: ['socle config check', 'socle config check --config /etc/socle/platform.yaml --json'],
  about:
    'Reads the platform file and names everything that is wrong with it, with line and column, and every file of a\n' +
    'secret that is not there or that others can read. Exit code 0: all is well; 77: the file is valid, a secret is not.',
  async run(_, session) {
    const platform = await session.platform();
    const file = session.file();
    const databases = platform.databases.map(({ name }) => name);
    const secrets = await checkSecretFiles(platform);
    const names = databases.join(', ') || 'none';
    const lines = secrets.map((one) => warn(`  ${one.path}: ${one.file}: ${one.problem}`));
    return {
      data: { file, valid: true, name: platform.name, environment: platform.environment, databases, secrets },
      text: [
        `${file} is valid: ${platform.name} (${platform.environment}), databases: ${names}`,
        ...(lines.length > 0 ? ['its secrets need attention:', ...lines] : []),
      ].join('\n'),
      exit: secrets.length === 0 ? exit.ok : exit.notPermitted,
    };
  },
});
