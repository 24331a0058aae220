import { fileURLToPath } from 'node:url';

const here = import.meta.url;

/** A bundled release: one file at the depth of this one, in JavaScript. Otherwise these are the sources. */
export const isRelease = here.endsWith('.js');

/** Path of a file or directory that Socle comes with, such as `ansible`; in a release it lies at the same place. */
export const ownFile = (path: string): string => fileURLToPath(new URL(`../../${path}`, here));

/** Path of a module that starts on its own, in a thread or a process, such as `drill/hash-thread`. */
export const ownModule = (name: string): string => ownFile(`src/${name}.${isRelease ? 'js' : 'ts'}`);
