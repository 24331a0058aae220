import { ownFile } from './place.ts';

/** What starts Socle's own command line as a process of its own, with the pinned Node and the options that it needs. */
export const program = ownFile('bin/socle');
