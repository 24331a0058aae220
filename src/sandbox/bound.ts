/** The kernel kills the command when we die, even by kill -9: a machine then leaves no process, namespace or mount. */
export const bound = (...command: string[]): [string, string[]] => ['setpriv', ['--pdeathsig', 'KILL', ...command]];
