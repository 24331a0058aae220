import { TextDecoder } from 'node:util';

/** PostgreSQL's names of encodings and those of the WHATWG, where a rule does not lead from one to the other. */
const labels: Readonly<Record<string, string>> = {
  UTF8: 'utf-8',
  // The server sends such names as they are, and the driver reads them as UTF-8.
  SQL_ASCII: 'utf-8',
  LATIN2: 'iso-8859-2',
  LATIN3: 'iso-8859-3',
  LATIN4: 'iso-8859-4',
  LATIN5: 'iso-8859-9',
  LATIN6: 'iso-8859-10',
  LATIN7: 'iso-8859-13',
  LATIN8: 'iso-8859-14',
  LATIN9: 'iso-8859-15',
  LATIN10: 'iso-8859-16',
  WIN866: 'ibm866',
  KOI8R: 'koi8-r',
  KOI8U: 'koi8-u',
  EUC_JP: 'euc-jp',
  EUC_JIS_2004: 'euc-jp',
  EUC_KR: 'euc-kr',
  EUC_CN: 'gbk',
};

/** Reads text of a database's encoding that was kept as one character per byte. */
export function textDecoder(encoding: string): (latin1: string) => string {
  if (encoding === 'LATIN1') return (text) => text;
  const label = labels[encoding] ?? encoding.replace(/^WIN(?=\d)/, 'windows-').replace(/^ISO_8859_/, 'iso-8859-');
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(label, { ignoreBOM: true });
  } catch {
    return (text) => text;
  }
  return (text) => decoder.decode(Buffer.from(text, 'latin1'));
}
