/** One word of a POSIX shell, whatever it holds. */
export const shellWord = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
