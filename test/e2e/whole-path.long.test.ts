import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { k3sExceptions } from '../../src/sandbox/kubernetes.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { ofTheMachineBelow } from '../support/container-skips.ts';
import { whyNoK3s } from '../support/k3s.ts';
import type { Operator } from '../support/operator.ts';
import { k3s, leave, newOperator, up, WholePath } from '../support/whole-path.ts';

/**
 * The main path of the product, in the order in which an operator goes it: from a bare machine to a platform that has
 * proven that it can come back. Its parts have tests of their own, which look closer.
 */
const why = whyNoK3s('', ['wireguard-go', 'wg', 'curl', 'restic', 'rclone']);
const ofK3s = test.skipIf(!k3s);
const title = `${why}${k3s ? '' : '(K3s is SKIPPED: there is no artifact mirror)'}`;

describe.skipIf(why !== '').each([13, 12] as const)(`the whole path on a fresh Debian %i ${title}`, (release) => {
  const path = new WholePath({ name: `test-whole-${release}`, release });

  beforeAll(() => path.begin(), 600_000);
  afterAll(() => path.end(), 600_000);

  test('`socle init` writes the platform file, and what a container needs of K3s is added to it', () => path.init());

  test('`socle up` waits for the VPN, and closes SSH in public once it came through', ({ annotate }) =>
    path.firstUp(annotate));

  ofK3s('K3s of the mirror is Ready', () => path.nodeReady());

  ofK3s('a pod with a volume serves through its ClusterIP to a peer, and to nobody outside', () => path.servePod());

  test('after a reboot everything is back with its data', ({ annotate }) => path.rebootWithData(annotate));

  test('the API answers through the tunnel and only through it', () => path.apiThroughTunnelOnly());

  test('a PostgreSQL of the host is backed up into a vault off the host, and a drill proves it', ({ annotate }) =>
    path.backupAndDrill(annotate));

  test('a recovery kit off the host opens the vault', () => path.kit());

  test('of five runs in a row all but the first change nothing, and none of these restarts a service', ({ annotate }) =>
    path.runsInARow(5, annotate));

  test('`socle verify` is green: every port was asked, and only what a container cannot show is skipped', ({
    annotate,
  }) => path.verify([...ofTheMachineBelow, ...(k3s ? ['k3s-kernel-defaults'] : [])], annotate));
});

describe.skipIf(why !== '').each([13, 12] as const)(
  `each provisioning domain by itself on a fresh Debian %i ${title}`,
  (release) => {
    const name = `test-domain-${release}`;
    let operator: Operator;
    let options: string[];

    beforeAll(async () => {
      const made = await newOperator({ name, release });
      ({ operator, options } = made);
      const password = join(operator.directory, 'vault.password');
      await writeFile(password, 'canary-of-the-vault\n', { mode: 0o600 });
      const platform = {
        name,
        environment: 'dev',
        host: { address: addresses.host.v4 },
        // The VPN is the other machine's.
        firewall: { ssh: 'public' },
        ...(k3s ? { cluster: { ...made.cluster, k3s: { config: k3sExceptions } } } : {}),
        backup: { vault: { repository: '/srv/vault', password: { file: password } } },
      };
      await writeFile(join(operator.directory, 'platform.yaml'), stringify(platform));
    }, 600_000);
    afterAll(() => leave(operator, name), 600_000);

    test.for(['network', 'orchestration', 'ops'])('%s, first and again', async (domain, { annotate, skip }) => {
      skip(domain === 'orchestration' && !k3s, 'there is no artifact mirror');
      for (const which of ['first', 'again']) {
        const run = await up(operator, [...options, '--only', domain]);
        await annotate(`up --only ${domain}, ${which}: ${run.text}`);
        expect(run.record.only).toEqual([domain]);
        expect(run.record.changed.length > 0).toBe(which === 'first');
      }
    });

    test('everything, again', async ({ annotate }) => {
      const run = await up(operator, options);
      await annotate(`up, again: ${run.text}`);
      expect(run.record.changed).toEqual([]);
    });
  },
);
