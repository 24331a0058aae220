import { normalizeLocale } from './scratch-preflight.ts';

/** Settings that a server can take from another one, and that change what values or definitions mean. */
const taken = [
  'TimeZone',
  'default_text_search_config',
  'lo_compat_privileges',
  'default_toast_compression',
  'dynamic_library_path',
  'extension_control_path',
] as const;
/** The same, where the locale is installed. */
const localized = ['lc_monetary', 'lc_numeric', 'lc_time'] as const;

/** Which of the source's settings a scratch server takes over. */
export function sourceSettings(
  source: Readonly<Record<string, string>>,
  locales: ReadonlySet<string>,
): Record<string, string> {
  const known = (locale: string) => ['C', 'POSIX'].includes(locale) || locales.has(normalizeLocale(locale));
  const result: Record<string, string> = {};
  for (const name of taken) if (source[name] !== undefined) result[name] = source[name];
  for (const name of localized) if (known(source[name] ?? '')) result[name] = source[name] ?? '';
  return result;
}
