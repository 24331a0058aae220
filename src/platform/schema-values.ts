import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { isPrivateNetwork, isUnusable, parseIpv4, parseNetwork, withoutHostBits } from '../kernel/ipv4.ts';
import { parseDuration, parseSize } from '../kernel/units.ts';
import { cronProblem } from './cron.ts';

/** Values that several sections of `platform.yaml` have. */

/** Ten years: what is longer is a slip, and timers and dates cannot hold it. */
const longest = 3_650 * 86_400_000;

/** Parsed to milliseconds. `least` is 1 ms where zero says nothing. */
export const duration = (example: string, least = 1) =>
  z
    .string()
    .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, `a duration such as ${example}`)
    .transform((text) => parseDuration(text) ?? 0)
    .refine((ms) => ms >= least && ms <= longest, `a duration ${least > 0 ? 'above zero and ' : ''}of at most 3650d`);

/** 1 PiB. */
const largest = 2 ** 50;

/** Parsed to bytes. */
export const size = (example: string, units = 'B|KiB|MiB|GiB|TiB') =>
  z
    .string()
    .regex(new RegExp(`^\\d+(\\.\\d+)?\\s*(${units})$`), `a size such as ${example}`)
    .transform((text) => parseSize(text) ?? 0)
    .refine((bytes) => bytes <= largest, 'a size of at most 1024TiB');

export const port = z.number().int().min(1).max(65_535);

/** A private IPv4 network between two prefix lengths. */
export const privateNetwork = (from: number, to: number, example: string) =>
  z.string().superRefine((text, context) => {
    const network = parseNetwork(text);
    const form = `a private IPv4 network from /${from} to /${to} such as ${example}`;
    const whole = network ? undefined : withoutHostBits(text);
    const message = whole ? `${whole}: ${text} has host bits` : form;
    const right = network && network.prefix >= from && network.prefix <= to && isPrivateNetwork(network);
    if (!right) context.addIssue({ code: 'custom', message });
  });

const label = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/** What is wrong with an address or a host name (RFC 1123), as `expected …` would go on. */
export function hostProblem(text: string): string | undefined {
  const number = parseIpv4(text);
  if (number !== undefined) {
    return isUnusable(number)
      ? 'an address that a host can have (not 0.0.0.0/8, link-local, multicast or reserved)'
      : undefined;
  }
  if (text.includes(':')) {
    if (!isIPv6(text) || text.includes('%')) return 'an address or a host name alone: no port, no brackets, no zone';
    if (/^::ffff:/i.test(text)) return 'the IPv4 address itself, not its IPv6 form';
    return /^(::|ff|fe[89ab])/i.test(text) && text !== '::1'
      ? 'an address that a host can have (not ::, link-local or multicast)'
      : undefined;
  }
  const labels = text.split('.');
  if (text.length > 253) return 'a host name of at most 253 characters';
  if (!labels.every((part) => label.test(part))) {
    return 'an address or a host name: letters, digits and inner hyphens, at most 63 between two dots';
  }
  return /^\d+$/.test(labels.at(-1) ?? '')
    ? 'an IPv4 address of four numbers from 0 to 255, or a host name'
    : undefined;
}

export const cron = (what: string) =>
  z
    .string()
    .superRefine((text, context) => {
      const problem = cronProblem(text);
      if (problem) context.addIssue({ code: 'custom', message: problem });
    })
    .describe(`${what}: five-field cron expression in the platform's time zone, or \`off\``);
