import { formatIpv4, hosts, parseNetwork } from '../kernel/ipv4.ts';
import { type Finding, field } from './finding.ts';

/** Rules between `ops` and the host that the daemon runs on. */
export function opsChecks(file: unknown): Finding[] {
  return [...listens(file), ...ownDirectory(file)];
}

const loopback = /^(localhost|127(?:\.\d{1,3}){3}|::1)$/;

/** Nobody is asked who they are yet: what is not loopback is the address that only the VPN reaches. */
function listens(file: unknown): Finding[] {
  const path = ['ops', 'listen', 'host'];
  const address = path.reduce<unknown>(field, file);
  if (typeof address !== 'string' || loopback.test(address)) return [];
  const own = field(file, 'host') === undefined ? undefined : hostAddress(file);
  if (address === own) return [];
  const allowed = own === undefined ? 'a loopback address' : `a loopback address, or ${own} (the host’s in the VPN)`;
  return [{ path, message: 'others may reach this address, and there is no authentication yet', allowed }];
}

function hostAddress(file: unknown): string | undefined {
  const subnet = parseNetwork(String(field(field(file, 'vpn'), 'subnet') ?? '10.8.0.0/24'));
  const first = subnet && hosts(subnet).next().value;
  return first === undefined ? undefined : formatIpv4(first);
}

/** What root runs and records lies in /var/lib/socle of a host: the daemon’s user must not own it. */
function ownDirectory(file: unknown): Finding[] {
  if (field(file, 'host') === undefined) return [];
  return [
    ['ops', 'state'],
    ['drill', 'scratch'],
  ].flatMap((path) =>
    /^\/var\/lib\/socle\/*$/.test(String(path.reduce<unknown>(field, file)))
      ? [
          {
            path,
            message: 'root keeps its run records there on a host',
            allowed: 'a directory of its own, such as /var/lib/socle/daemon',
          },
        ]
      : [],
  );
}
