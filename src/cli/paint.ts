import { styleText } from 'node:util';

/** Colour for standard output: none into a file or a pipe, none with NO_COLOR (https://no-color.org). */
const paint = (style: 'green' | 'red' | 'yellow' | 'dim' | 'bold') => (text: string) =>
  styleText(style, text, { stream: process.stdout, validateStream: true });

export const good = paint('green');
export const bad = paint('red');
export const warn = paint('yellow');
export const faint = paint('dim');
export const strong = paint('bold');
