import { resolve } from 'node:path';
import { shellWord } from '../kernel/shell.ts';
import { onHost } from '../platform/on-host.ts';
import { privateAddress } from '../vpn/addresses.ts';
import type { Answers, HostAnswers } from './answers.ts';
import { nameOf, newSubnet } from './platform-text.ts';

interface Step {
  readonly command: string;
  readonly about: string;
}

/** A step where the platform's work is done; its command is given what root's commands start with there. */
type Place = (command: (sudo: string) => string, about: string) => Step;

/** Characters of the longest command that the others stand in line with. */
const inLine = 56;

/**
 * What is to be done after `socle init`, one command a line with what it is for, in the order in which each can work. All
 * are for the shell of this machine; what has to be done on the host reaches it through the VPN.
 */
export function nextSteps(answers: Answers, file: string): string[] {
  const steps = planSteps(answers, file);
  const width = Math.max(...steps.map(({ command }) => command.length).filter((length) => length <= inLine));
  return steps.map(({ command, about }) => `${command.padEnd(width)}  # ${about}`);
}

function planSteps({ host, cluster, databases, vault, peers }: Answers, file: string): Step[] {
  const config = resolve(file) === resolve('platform.yaml') ? '' : ` --config ${word(file)}`;
  const here = (command: string, about: string): Step => ({ command: `${command}${config}`, about });
  const [peer] = peers;
  const there: Place = host
    ? (command, about) => ({ command: throughVpn(host, command), about: `on the host: ${about}` })
    : (command, about) => here(command(''), about);
  return [
    here('socle config check', `after you have read and edited ${file}`),
    ...(host
      ? [
          here('socle plan', 'what would change on the host'),
          here('socle up', peer === undefined ? 'make it so' : 'make it so; it waits for the VPN at the end'),
        ]
      : []),
    ...(host && peer !== undefined
      ? [here(`socle vpn config ${peer}`, 'while `socle up` waits: the WireGuard file to bring the VPN up with')]
      : []),
    ...(host ? [here('socle verify', 'is it so? from outside and inside')] : []),
    ...(cluster ? [here('socle kubeconfig', 'what kubectl needs to reach the cluster')] : []),
    ...databases.map((database) => grant(database, host, there)),
    ...(vault ? [there((sudo) => `${sudo}socle vault init`, 'create the vault')] : []),
    ...(databases.length === 0
      ? []
      : [
          there((sudo) => `${sudo}socle backup run`, 'the first backup'),
          there((sudo) => `${sudo}socle drill run`, 'restored, and proven identical'),
        ]),
    ...(vault
      ? [
          here('socle kit create --to DIRECTORY', 'the recovery kit, for a place off the host'),
          here('socle kit confirm --from DIRECTORY', 'see that it opens the vault'),
        ]
      : []),
  ];
}

/** On a host the SQL goes to its PostgreSQL at once; here, whoever may make roles may be reached in another way. */
function grant(database: string, host: HostAnswers | undefined, there: Place): Step {
  const name = nameOf(database);
  if (!host) return there(() => `socle database grant ${name}`, 'the SQL for the role that takes backups');
  return there(
    (sudo) =>
      `${sudo}socle database grant ${name} | ${sudo}runuser -u postgres -- psql -X -v ON_ERROR_STOP=1 -d ${word(database)}`,
    'the role that takes backups (first docs/provisioning.md, “PostgreSQL on the host”)',
  );
}

/** Another port of SSH than its own is not asked for. */
const throughVpn = ({ user }: HostAnswers, command: (sudo: string) => string) =>
  onHost({ user, port: 22 }, privateAddress({ subnet: newSubnet }), command);

const word = (text: string) => (/^[\w./@:-]+$/.test(text) ? text : shellWord(text));
