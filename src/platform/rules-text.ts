import { type Finding, field } from './finding.ts';

/** No value of a platform file is as long. */
const longest = 4_096;
const pathKeys = new Set(['file', 'ca', 'cert', 'key', 'scratch', 'state', 'repository']);

/** Rules of every text in the file, wherever it stands. */
export function textChecks(value: unknown, path: readonly PropertyKey[] = []): Finding[] {
  if (typeof value === 'string') return textProblems(value, path);
  if (Array.isArray(value)) return value.flatMap((item, index) => textChecks(item, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((key) => textChecks(field(value, key), [...path, key]));
}

function textProblems(text: string, path: readonly PropertyKey[]): Finding[] {
  const at = (message: string) => [{ path, message }];
  if (text.length > longest) return at(`${text.length} characters: a value here has at most ${longest}`);
  const control = /\p{Cc}/u.exec(text)?.[0];
  if (control !== undefined) {
    const what = { '\n': 'a line break', '\r': 'a line break', '\t': 'a tab' }[control] ?? 'a control character';
    return at(`there is ${what} in it, which no value here has`);
  }
  if (/^~(\/|$)/.test(text) && pathKeys.has(String(path.at(-1)))) {
    return at('`~` is not expanded: write the whole path, or one that starts at the directory of this file');
  }
  return [];
}
