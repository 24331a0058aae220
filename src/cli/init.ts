import { init, refuseExisting } from '../setup/init.ts';
import { nextSteps } from '../setup/next-steps.ts';
import { askFor } from './init-questions.ts';
import { flag, list, text } from './options.ts';
import { pairs } from './table.ts';
import { verb as define } from './verb.ts';

/** `socle init` */
export const verb = define({
  options: {
    name: text('--name <name>', 'what the platform is called (default: the name of the directory)'),
    environment: text('--environment <environment>', 'dev, staging or prod (default: dev)'),
    timezone: text('--timezone <zone>', 'of schedules (default: that of this machine)'),
    host: text('--host <address>', 'the machine that `socle up` provisions'),
    sshUser: text('--ssh-user <user>', 'who logs in there: root, or a user who may sudo (default: debian)'),
    publicAddress: text('--public-address <address>', 'where VPN peers reach it (default: that of --host)'),
    vpnPeers: list('--vpn-peer <name>', 'first peers of the VPN (default, with a host: laptop)'),
    withCluster: flag('--with-cluster', 'with K3s on the host'),
    databases: list('--database <name>', 'PostgreSQL databases to back up, over the local socket'),
    vault: text('--vault <repository>', 'where backups go: a directory, sftp:, rest: or s3:, as restic writes it'),
    vaultPassword: text('--vault-password <file>', 'file with its password (default: a new one, in secrets/)'),
    yes: flag('--yes', 'ask nothing: what no option says has its default'),
  },
  examples: [
    'socle init',
    'socle init --name atelier --environment prod --host vps.example.net --database shop --vault sftp:backup@vault.example:/srv/socle --yes',
    'socle init --config lab/platform.yaml --host 198.51.100.10 --with-cluster --json',
  ],
  about:
    'Writes platform.yaml (or the file of --config), and what it needs that is not there yet, mode 0600: the password of\n' +
    'the vault, the private keys of the VPN peers, and your age identity. On a terminal it asks for what no option says.\n' +
    'It is all of it or nothing, and nothing that is there is overwritten.',
  async run(values, session) {
    const file = session.newFile();
    refuseExisting(file);
    const answers = await askFor(values, file, session);
    const result = await init({ file, answers, now: session.clock.now(), signal: session.signal });
    const next = nextSteps(answers, file);
    return {
      data: { ...result, next },
      text: () =>
        [
          pairs([
            ['written', result.made.join('\n')],
            ['kept', result.kept.join('\n') || null],
            ['age recipient', result.recipient],
            ['peers', result.peers.map(({ name, address }) => `${name} ${address}`).join('\n') || null],
          ]),
          'Of these only the platform file belongs into Git.',
          `Next:\n${next.map((step) => `  ${step}`).join('\n')}`,
        ].join('\n\n'),
    };
  },
});
