import { planFirewall, renderFirewall } from '../../../host/firewall.ts';
import { contains, parseIpv4, parseNetwork } from '../../../kernel/ipv4.ts';
import type { Platform } from '../../../platform/schema.ts';
import { check, fail, pass, passUnless, some } from '../check.ts';
import { foreignTo } from './foreign.ts';

const requirements = ['FR6', 'NFR-3'];
const up = 'run `socle up`; then see who changed it';

export const firewallChecks = [
  check({
    id: 'firewall-loaded',
    title: 'the kernel filters by the permanent ruleset, unchanged',
    requirements,
    side: 'inside',
    next: up,
    looks: ['firewall'],
    judge({ firewall: { loaded, fresh, status } }) {
      if (loaded.trim() === '') return fail('the kernel has no table inet socle: nothing is filtered');
      if (loaded === fresh && status.loaded)
        return pass(`${loaded.split('\n').length - 1} lines, as the ruleset gives them`);
      return fail(difference(fresh, loaded));
    },
  }),
  check({
    id: 'firewall-permanent',
    title: 'a reboot brings the ruleset of the platform file, and nothing is being tried',
    requirements: [...requirements, 'FR9'],
    side: 'inside',
    next: up,
    looks: ['firewall'],
    judge({ firewall: { permanent, status } }, { platform }) {
      if (status.confirmed === '') return fail('no ruleset was ever confirmed');
      if (status.trial) return fail('a ruleset is being tried, and was not confirmed yet');
      const planned = renderFirewall(planFirewall(platform, status.confirmed === 'open' ? 'public' : 'vpn'));
      if (permanent !== planned) return fail(difference(planned, permanent));
      return pass(`ruleset ${status.confirmed}, as the platform file gives it`);
    },
  }),
  check({
    id: 'firewall-at-boot',
    title: 'the ruleset is loaded before there is a network',
    requirements,
    side: 'inside',
    next: up,
    looks: ['services'],
    judge({ services: { 'socle-firewall.service': unit } }) {
      const good = unit.active === 'active' && unit.file === 'enabled';
      return (good ? pass : fail)(`socle-firewall.service is ${unit.active}, ${unit.file || 'not there'}`);
    },
  }),
  check({
    id: 'firewall-nftables-masked',
    title: "Debian's nftables.service cannot flush the rules",
    requirements,
    side: 'inside',
    next: '`systemctl mask nftables.service` on the host, or `socle up`',
    looks: ['services'],
    judge({ services: { 'nftables.service': unit } }) {
      return (unit.file === 'masked' ? pass : fail)(`nftables.service is ${unit.file || 'not masked'}`);
    },
  }),
  check({
    id: 'firewall-alone',
    title: 'nobody else filters or translates packets',
    requirements: ['FR6'],
    side: 'inside',
    next: 'see `nft list ruleset` on the host, and remove what should not be there',
    looks: ['firewall', 'foreign'],
    judge: ({ firewall: { others }, foreign }) =>
      passUnless(foreignTo(foreign, 'firewall-alone'), `tables besides: ${some(others) || 'none'}`),
  }),
  check({
    id: 'firewall-ssh-closed',
    title: 'the ruleset shows SSH to whom the platform file says',
    requirements: ['NFR-3', 'AM-1', 'FR7'],
    side: 'inside',
    next: 'bring the VPN up and run `socle up`: SSH closes in public once this machine came through the VPN',
    looks: ['firewall'],
    judge({ firewall: { status } }, { platform }) {
      const wanted = platform.firewall.ssh === 'vpn' ? 'closed' : 'open';
      if (status.confirmed === wanted) return pass(`SSH: ${platform.firewall.ssh}`);
      const what = wanted === 'closed' ? 'SSH is still open in public' : 'SSH is closed in public, and should not be';
      return fail(`${what} (ruleset ${status.confirmed || 'none'})`);
    },
  }),
  check({
    id: 'firewall-pods',
    title:
      'pods reach the Kubernetes API through its Service and DNS, and nothing of the host or the VPN but what is opened',
    requirements,
    side: 'inside',
    next: 'run `socle up`; what pods are to reach belongs in `firewall.pods`',
    looks: ['podView'],
    judge({ podView: { api, dns, asked, host, others } }, { platform }) {
      const open = openedToPods(platform);
      return passUnless(
        [
          ...(api ? [] : ['the Kubernetes API does not answer a pod through its Service']),
          ...(dns ? [] : ['DNS does not answer a pod']),
          ...host
            .filter((one) => !open.onHost(one))
            .map(({ address, port }) => `a pod reaches the host at ${address}:${port}`),
          ...others
            .filter((one) => !open.elsewhere(one))
            .map(({ address, port }) => `a pod reaches ${address}:${port}`),
        ],
        `seen from a pod: ${asked} ports of the host asked for, ${host.length} opened`,
      );
    },
  }),
];

interface Target {
  readonly address: string;
  readonly port: number;
}

/** What the platform file opens to pods, and what answers them as it answers the public, on public addresses. */
function openedToPods({ cluster, vpn, firewall }: Platform) {
  const inside = [vpn.subnet, ...Object.values(cluster?.networks ?? {})].map(parseNetwork);
  const isInside = (address: string) =>
    inside.some((network) => network && contains(network, parseIpv4(address) ?? -1));
  const tcp = firewall.pods.filter(({ protocol }) => protocol === 'tcp');
  const shown = firewall.public.filter(({ protocol }) => protocol === 'tcp');
  const addressOf = (to: string) => vpn.peers.find(({ name }) => name === to)?.address ?? to;
  return {
    onHost: ({ address, port }: Target) =>
      tcp.some((rule) => rule.to === 'host' && rule.port === port) ||
      (!isInside(address) && shown.some((rule) => rule.port === port)),
    elsewhere: ({ address, port }: Target) => tcp.some((rule) => addressOf(rule.to) === address && rule.port === port),
  };
}

/** The first lines that only one of two texts has. */
function difference(expected: string, found: string): string {
  const [want, have] = [expected, found].map((text) => text.split('\n').map((line) => line.trim()));
  const extra = have?.filter((line) => !want?.includes(line)) ?? [];
  const missing = want?.filter((line) => !have?.includes(line)) ?? [];
  const told = [...extra.map((line) => `too much: ${line}`), ...missing.map((line) => `missing: ${line}`)];
  return told.length === 0 ? 'the same lines in another order' : some(told, 3);
}
