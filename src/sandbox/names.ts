import { homedir } from 'node:os';
import { join } from 'node:path';
import { fail } from '../kernel/errors.ts';

/** Debian releases that a throw-away machine can be. */
export const suites = { 12: 'bookworm', 13: 'trixie' } as const;
export type DebianRelease = keyof typeof suites;

/** @throws `usage` when it is neither 12 nor 13 */
export function parseRelease(text: string): DebianRelease {
  if (text === '12' || text === '13') return Number(text) as DebianRelease;
  throw fail('usage', `${text} is not a Debian release that Socle supports: 12 or 13`);
}

/** How a machine runs: on the kernel that is there, or on its own. */
export const driverNames = ['nspawn', 'qemu'] as const;
export type DriverName = (typeof driverNames)[number];

/** @throws `usage` */
export function parseDriver(text: string): DriverName {
  const name = driverNames.find((one) => one === text);
  if (name) return name;
  throw fail('usage', `${text} is not a driver of throw-away machines: ${driverNames.join(' or ')}`);
}

/** Images are kept here between runs; a machine's own files go with it. */
export const imageDirectory = () => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'socle', 'images');
export const machineDirectory = () =>
  join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'socle', 'sandboxes');

const namePattern = /^[a-z][a-z0-9-]{0,30}$/;

/** @throws `usage`: the name becomes a host name and a directory */
export function parseMachineName(text: string): string {
  if (namePattern.test(text)) return text;
  throw fail('usage', `${text} is not a name for a machine: lower-case letters, digits and hyphens, at most 31`);
}

/** Addresses inside the namespaces of every machine: documentation ranges (RFC 5737, RFC 3849). */
export const addresses = {
  gateway: { v4: '198.51.100.1', v6: '2001:db8:51::1' },
  operator: { v4: '198.51.100.10', v6: '2001:db8:51::10' },
  host: { v4: '198.51.100.20', v6: '2001:db8:51::20' },
} as const;
