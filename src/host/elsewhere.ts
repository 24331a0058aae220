import { resolve } from 'node:path';
import { onHost } from '../platform/on-host.ts';
import { hostFile } from '../platform/paths.ts';
import type { Platform } from '../platform/schema.ts';
import { privateAddress } from '../vpn/addresses.ts';
import { chooseDomains } from './domains.ts';

/** The machine that backs up and proves, seen from another one. */
export interface Elsewhere {
  /** Address of the host. */
  readonly host: string;
  /** What asks it, from here. */
  readonly command: string;
}

/**
 * The host, where its daemon does the work of the platform and `file` is not the platform file that it has there; null
 * where the work is done on this machine.
 */
export function daemonElsewhere(platform: Platform, file: string): Elsewhere | null {
  const { host, firewall, vpn } = platform;
  if (host === undefined || resolve(file) === hostFile || !chooseDomains(platform, []).includes('ops')) return null;
  const address = firewall.ssh === 'vpn' ? privateAddress(vpn) : host.address;
  return { host: host.address, command: onHost(host, address, (sudo) => `${sudo}socle status`) };
}
