import { shellWord } from '../kernel/shell.ts';
import type { HostConfig } from './schema.ts';

/**
 * A line for the operator's shell that runs another one on the host, as root.
 * @param command given what root's commands start with there: `sudo `, or nothing for root
 */
export function onHost(
  { user, port }: Pick<HostConfig, 'user' | 'port'>,
  address: string,
  command: (sudo: string) => string,
): string {
  const text = command(user === 'root' ? '' : 'sudo ');
  const word = /^[\w ./:=-]+$/.test(text) ? text : shellWord(text);
  return `ssh ${port === 22 ? '' : `-p ${port} `}${user}@${address} ${word}`;
}
