import type { Answers } from './answers.ts';
import { nameOf } from './platform-text.ts';

/** What is to be done after `socle init`, one command a line with what it is for. */
export function nextSteps({ host, databases, vault, peers }: Answers, file: string): string[] {
  const step = (command: string, about: string) => `${command.padEnd(38)}# ${about}`;
  const [database] = databases;
  return [
    step('socle config check', `after you have read and edited ${file}`),
    ...(host ? [step('socle plan', 'what would change on the host'), step('socle up', 'make it so')] : []),
    ...(host && peers[0] !== undefined
      ? [step(`socle vpn config ${peers[0]}`, 'the WireGuard file, once `socle up` has seen the host')]
      : []),
    ...(vault ? [step('socle vault init', 'create the vault')] : []),
    ...(database === undefined
      ? []
      : [
          step(`socle database grant ${nameOf(database)}`, 'the SQL for the role that takes backups'),
          step('socle backup run', 'the first backup'),
          step('socle drill run', 'restored, and proven identical'),
        ]),
    ...(vault
      ? [
          step('socle kit create --to DIRECTORY', 'the recovery kit, for a place off the host'),
          step('socle kit confirm --from DIRECTORY', 'see that it opens the vault'),
        ]
      : []),
  ];
}
