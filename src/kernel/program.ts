import { fileURLToPath } from 'node:url';

/** What starts Socle's own command line as a process of its own, with the pinned Node and the options that it needs. */
export const program = fileURLToPath(new URL('../../bin/socle', import.meta.url));
