import type { Look } from '../governance/verify/check.ts';
import type { Connection } from '../host/connect.ts';
import { asSocleError, exit } from '../kernel/errors.ts';
import type { KitStatus } from '../recovery/store.ts';
import { connect, hostKey, identity } from './host-options.ts';
import { flag, text } from './options.ts';
import type { Session } from './session.ts';
import { verb as define } from './verb.ts';
import { withJunit } from './verify-junit.ts';
import { verifyAsText } from './verify-text.ts';

/** The machine that backs up says whether a kit has opened its vault: every operator gets the same answer. */
async function lookAtKit(session: Session, connection: Connection): Promise<Look<KitStatus>> {
  const platform = await session.platform();
  if (platform.backup === undefined) return { nothing: 'the platform has no vault' };
  const { kitStatusOf } = await import('./kit-machine.ts');
  try {
    return { value: await kitStatusOf(session, async () => connection) };
  } catch (error) {
    return { blind: asSocleError(error).message };
  }
}

/** `socle verify` */
export const verb = define({
  options: {
    quick: flag('--quick', 'ask the known ports only, instead of all 65,535 TCP ports'),
    junit: text('--junit <file>', 'write the report as JUnit XML, too'),
    lynis: flag('--lynis', 'have lynis look at the host, too, where it is installed: a minute or two'),
    list: flag('--list', 'list all checks, and look at nothing'),
    identity,
    hostKey,
  },
  examples: [
    'socle verify',
    'socle verify --quick',
    'socle verify --lynis',
    'socle verify --json --junit verify.xml',
    'socle verify --list',
  ],
  about:
    'Checks the host from outside (every port of its public addresses, SSH, TLS) and from inside (firewall, kernel,\n' +
    'services, files, VPN, accounts, upgrades, K3s). Nothing is changed. Each check names the requirement that it proves.\n' +
    'What could not be looked at is `unknown`, and as red as a failure. Exit code 0: nothing is red; 7: something is.',
  async run({ quick, junit, lynis, list, ...login }, session) {
    if (list) {
      const [{ checks }, { checksAsMarkdown }] = await Promise.all([
        import('../governance/verify/registry.ts'),
        import('../governance/verify/markdown.ts'),
      ]);
      const data = checks.map(({ id, title, side, requirements, next }) => ({ id, title, side, requirements, next }));
      return { data, text: checksAsMarkdown };
    }
    const look = async () => {
      const connection = await connect(session, login);
      const kit = await lookAtKit(session, connection);
      const { verify } = await import('../governance/verify/verify.ts');
      return await verify(connection, { quick, lynis, clock: session.clock, kit });
    };
    const report = junit === undefined ? await look() : await withJunit(junit, look);
    return {
      data: report,
      text: () => verifyAsText(report),
      exit: report.compliant ? exit.ok : exit.notCompliant,
    };
  },
});
