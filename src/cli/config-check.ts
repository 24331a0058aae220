import { verb as define } from './verb.ts';

/** `socle config check`: whatever is wrong with the file is the error. */
export const verb = define({
  options: {},
  examples: ['socle config check', 'socle config check --config /etc/socle/platform.yaml --json'],
  about: 'Reads the platform file and names everything that is wrong with it, with line and column.',
  async run(_, session) {
    const platform = await session.platform();
    const file = session.file();
    const databases = platform.databases.map(({ name }) => name);
    return {
      data: { file, valid: true, name: platform.name, environment: platform.environment, databases },
      text: `${file} is valid: ${platform.name} (${platform.environment}), databases: ${databases.join(', ') || 'none'}`,
    };
  },
});
