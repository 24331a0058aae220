import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { fail } from '../kernel/errors.ts';
import { Comment, type LeafValue, Timestamp } from './leaf.ts';

const nonceBytes = 32;
const pattern = /^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]$/;

/** A number as Go's `FormatFloat(value, 'f', -1, 64)` writes it: shortest digits, never an exponent. */
export function formatFloat(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, sign = '', first = '', rest = '', exponent = '0'] = match;
  const digits = first + rest;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  return `${sign}${digits.padEnd(point, '0')}`;
}

/** The bytes that SOPS encrypts and authenticates for a value, and the name of its type. */
export function plainText(value: LeafValue): { text: string; type: string } {
  if (value instanceof Comment) return { text: value.text, type: 'comment' };
  if (value instanceof Timestamp) return { text: value.text, type: 'time' };
  if (typeof value === 'string') return { text: value, type: 'str' };
  if (typeof value === 'bigint') return { text: String(value), type: 'int' };
  if (typeof value === 'number') return { text: formatFloat(value), type: 'float' };
  return { text: value ? 'True' : 'False', type: 'bool' };
}

function typed(text: string, type: string): LeafValue {
  switch (type) {
    case 'str':
    case 'bytes':
      return text;
    case 'int':
      return BigInt(text);
    case 'float':
      return Number(text);
    case 'bool':
      return text.toLowerCase() === 'true';
    case 'time':
      return new Timestamp(text);
    case 'comment':
      return new Comment(text);
    default:
      throw fail('secret-document-invalid', `a value has the type ${type}, which SOPS does not define`);
  }
}

export interface Sealed {
  readonly value: LeafValue;
  readonly iv: Buffer;
}

/** `ENC[AES256_GCM,…]` of a value; an empty string stays empty, as in SOPS. `iv` keeps an unchanged value's text. */
export function seal(value: LeafValue, key: Buffer, path: readonly string[] | string, iv?: Buffer): string {
  const { text, type } = plainText(value);
  if (text === '') return '';
  const nonce = iv ?? randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(additionalData(path)));
  const data = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  const [d, i, t] = [data, nonce, cipher.getAuthTag()].map((bytes) => bytes.toString('base64'));
  return `ENC[AES256_GCM,data:${d},iv:${i},tag:${t},type:${type}]`;
}

/** @throws `secret-document-tampered` when the value was changed, moved, or sealed with another key */
export function open(text: string, key: Buffer, path: readonly string[] | string): Sealed {
  if (text === '') return { value: '', iv: Buffer.alloc(0) };
  const where = typeof path === 'string' ? 'the MAC' : path.join('.');
  const match = pattern.exec(text);
  if (!match) {
    throw fail('secret-document-tampered', `${where} is not encrypted, although the rules of the document ask for it`);
  }
  const [data, iv, tag] = match.slice(1, 4).map((part) => Buffer.from(part, 'base64')) as [Buffer, Buffer, Buffer];
  if (tag.length !== 16) throw fail('secret-document-tampered', `${where} has an authentication tag of the wrong size`);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
    decipher.setAAD(Buffer.from(additionalData(path)));
    decipher.setAuthTag(tag);
    const plain = Buffer.concat([decipher.update(data), decipher.final()]).toString('utf8');
    return { value: typed(plain, match[4] ?? ''), iv };
  } catch (error) {
    throw fail('secret-document-tampered', `${where} does not authenticate`, {}, error);
  }
}

function additionalData(path: readonly string[] | string): string {
  return typeof path === 'string' ? path : `${path.join(':')}:`;
}
