import { basename, dirname, resolve } from 'node:path';
import { fail } from '../kernel/errors.ts';
import { isOnThisHost } from '../platform/off-host.ts';
import { platformSchema } from '../platform/schema.ts';
import type { Answers, HostAnswers, VaultAnswers } from '../setup/answers.ts';
import { nameOf } from '../setup/platform-text.ts';
import type { Session } from './session.ts';

/** What the options of `socle init` say. */
export interface InitOptions {
  readonly name: string | undefined;
  readonly environment: string | undefined;
  readonly timezone: string | undefined;
  readonly host: string | undefined;
  readonly sshUser: string | undefined;
  readonly publicAddress: string | undefined;
  readonly vpnPeers: readonly string[];
  readonly withCluster: boolean;
  readonly databases: readonly string[];
  readonly vault: string | undefined;
  readonly vaultPassword: string | undefined;
  readonly yes: boolean;
}

interface Question {
  readonly text: string;
  readonly fallback: string;
  /** What is wrong with an answer. */
  readonly problem?: (answer: string) => string | undefined;
}

const { name, environment, timezone } = platformSchema.shape;
const problemOf =
  (schema: typeof name | typeof environment | typeof timezone) =>
  (answer: string): string | undefined =>
    schema.safeParse(answer).error?.issues[0]?.message;

/** The answers: from the options, from a person where there is one, else the defaults. @throws `usage`, `interrupted` */
export async function askFor(options: InitOptions, file: string, session: Session): Promise<Answers> {
  const asks = session.attended && !options.yes;
  const answer = (given: string | undefined, question: Question) => one(given, question, asks ? session : undefined);
  const called = await answer(options.name, {
    text: 'Name of the platform',
    fallback: nameOf(basename(dirname(resolve(file)))) || 'platform',
    problem: problemOf(name),
  });
  const stage = environment.parse(
    await answer(options.environment, {
      text: 'Environment (dev, staging, prod)',
      fallback: 'dev',
      problem: problemOf(environment),
    }),
  );
  const zone = await answer(options.timezone, {
    text: 'Time zone',
    fallback: Intl.DateTimeFormat().resolvedOptions().timeZone,
    problem: problemOf(timezone),
  });
  const host = await hostAnswers(options, answer);
  const peers = host && options.vpnPeers.length === 0 ? ['laptop'] : options.vpnPeers;
  const databases = await databaseAnswers(options, answer);
  const vault = await vaultAnswers(
    options,
    stage === 'prod',
    databases.length > 0 || options.vaultPassword !== undefined,
    answer,
  );
  const cluster =
    host !== undefined &&
    /^y(es)?$/i.test(
      await answer(options.withCluster ? 'yes' : undefined, { text: 'With K3s on the host (yes, no)', fallback: 'no' }),
    );
  return { name: called, environment: stage, timezone: zone, host, databases, vault, peers, cluster };
}

type Answer = (given: string | undefined, question: Question) => Promise<string>;

async function one(given: string | undefined, question: Question, session: Session | undefined): Promise<string> {
  const { text, fallback, problem } = question;
  const refuse = (answer: string) => {
    const found = problem?.(answer);
    // The answer itself is not repeated: it may be an address with a password in it.
    return found === undefined ? undefined : `${text}: ${found}`;
  };
  if (given !== undefined || session === undefined) {
    const refused = refuse(given ?? fallback);
    if (refused !== undefined) throw fail('usage', refused);
    return given ?? fallback;
  }
  for (;;) {
    const hint = fallback === '' ? '' : ` [${fallback}]`;
    const answer = (await session.ask(`${text}${hint}: `)) || fallback;
    const refused = refuse(answer);
    if (refused === undefined) return answer;
    process.stderr.write(`  ${refused}\n`);
  }
}

async function hostAnswers(options: InitOptions, answer: Answer): Promise<HostAnswers | undefined> {
  const address = await answer(options.host, {
    text: 'Host that `socle up` provisions, address or name (empty: none)',
    fallback: '',
  });
  if (address === '') {
    const given = { '--ssh-user': options.sshUser, '--public-address': options.publicAddress };
    const [needs] = [
      ...Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [flag])),
      ...(options.vpnPeers.length > 0 ? ['--vpn-peer'] : []),
      ...(options.withCluster ? ['--with-cluster'] : []),
    ];
    if (needs === undefined) return undefined;
    throw fail('usage', `${needs} is about a host, and there is none`, { next: 'add --host ADDRESS' });
  }
  const user = await answer(options.sshUser, { text: 'SSH user there', fallback: 'debian' });
  const publicAddress = await answer(options.publicAddress, {
    text: 'Address that VPN peers reach it at',
    fallback: address,
  });
  return { address, user, publicAddress: publicAddress === address ? undefined : publicAddress };
}

async function databaseAnswers({ databases }: InitOptions, answer: Answer): Promise<readonly string[]> {
  if (databases.length > 0) return databases;
  const text = await answer(undefined, { text: 'PostgreSQL databases to back up, with blanks between', fallback: '' });
  return text.split(/[\s,]+/).filter((one) => one !== '');
}

async function vaultAnswers(
  { vault, vaultPassword }: InitOptions,
  production: boolean,
  needed: boolean,
  answer: Answer,
): Promise<VaultAnswers | undefined> {
  const problem = (repository: string) => {
    if (repository === '') return needed ? 'one has to be named (--vault)' : undefined;
    if (/:\/\/[^/@:]*:[^/@]+@/.test(repository)) return 'a password stands in the address';
    if (production && isOnThisHost(repository)) return 'in production the vault has to be off this host';
    return undefined;
  };
  const repository = await answer(vault, { text: 'Vault: a directory, sftp:, rest: or s3:', fallback: '', problem });
  if (repository === '') return undefined;
  return { repository, passwordFile: vaultPassword === undefined ? undefined : resolve(vaultPassword) };
}
