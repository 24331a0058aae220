import { planFirewall, renderFirewall } from '../../../host/firewall.ts';
import { check, fail, pass, passUnless, some } from '../check.ts';

const requirements = ['FR6', 'NFR-3'];
const up = 'run `socle up`; then see who changed it';

/** K3s' own rules, made by iptables on top of nftables. */
const ofCluster = /^(ip|ip6) (filter|nat|mangle|raw)$|^inet kube-proxy$/;

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
    looks: ['firewall'],
    judge({ firewall: { others } }, { platform }) {
      const strange = others.filter((name) => !(platform.cluster && ofCluster.test(name)));
      return passUnless(
        strange.map((name) => `table ${name} is not Socle’s`),
        platform.cluster ? `tables of K3s besides: ${some(others) || 'none'}` : 'no other table',
      );
    },
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
];

/** The first lines that only one of two texts has. */
function difference(expected: string, found: string): string {
  const [want, have] = [expected, found].map((text) => text.split('\n').map((line) => line.trim()));
  const extra = have?.filter((line) => !want?.includes(line)) ?? [];
  const missing = want?.filter((line) => !have?.includes(line)) ?? [];
  const told = [...extra.map((line) => `too much: ${line}`), ...missing.map((line) => `missing: ${line}`)];
  return told.length === 0 ? 'the same lines in another order' : some(told, 3);
}
