import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { fail } from '../kernel/errors.ts';
import { formatFloat, parseFloatText, parseInt64 } from './go-scalar.ts';
import { Bytes, Comment, type LeafValue, Timestamp } from './leaf.ts';

const nonceBytes = 32;
const pattern = /^ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]/;

/** The bytes that SOPS encrypts and authenticates for a value, and the name of its type. */
export function plainText(value: LeafValue): { data: Buffer; type: string } {
  const text = (content: string, type: string) => ({ data: Buffer.from(content), type });
  if (value instanceof Bytes) return { data: value.data, type: 'str' };
  if (value instanceof Comment) return text(value.text, 'comment');
  if (value instanceof Timestamp) return text(value.text, 'time');
  if (typeof value === 'string') return text(value, 'str');
  if (typeof value === 'bigint') return text(String(value), 'int');
  if (typeof value === 'number') return text(formatFloat(value), 'float');
  return text(value ? 'True' : 'False', 'bool');
}

export const sameValue = (a: LeafValue, b: LeafValue) => {
  const [left, right] = [plainText(a), plainText(b)];
  return left.type === right.type && left.data.equals(right.data);
};

/** The text, or the bytes as they are when they are none. */
function decode(data: Buffer): string | Bytes {
  const text = data.toString('utf8');
  return Buffer.from(text).equals(data) ? text : new Bytes(data);
}

/** The value by the rules of SOPS' `Decrypt`; undefined when it would refuse it. */
function typed(data: Buffer, type: string): LeafValue | undefined {
  const text = data.toString('utf8');
  switch (type) {
    case 'str':
    case 'bytes':
      return decode(data);
    case 'int':
      return parseInt64(text);
    case 'float':
      return parseFloatText(text);
    case 'bool':
      if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
      return /^(0|f|F|false|FALSE|False)$/.test(text) ? false : undefined;
    case 'time':
      return new Timestamp(text);
    case 'comment':
      return new Comment(text);
    default:
      return undefined;
  }
}

export interface Sealed {
  readonly value: LeafValue;
  readonly iv: Buffer;
}

/** `ENC[AES256_GCM,…]` of a value; an empty string stays empty, as in SOPS. `iv` keeps an unchanged value's text. */
export function seal(value: LeafValue, key: Buffer, path: readonly string[] | string, iv?: Buffer): string {
  const { data: clear, type } = plainText(value);
  if (clear.length === 0) return '';
  const nonce = iv ?? randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(additionalData(path)));
  const data = Buffer.concat([cipher.update(clear), cipher.final()]);
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
  let plain: Buffer;
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
    decipher.setAAD(Buffer.from(additionalData(path)));
    decipher.setAuthTag(tag);
    plain = Buffer.concat([decipher.update(data), decipher.final()]);
  } catch (error) {
    throw fail('secret-document-tampered', `${where} does not authenticate`, {}, error);
  }
  const value = typed(plain, match[4] ?? '');
  if (value === undefined) {
    throw fail(
      'secret-document-unsupported',
      `${where} is no ${match[4]} that sops knows: it was sealed by another program`,
    );
  }
  return { value, iv };
}

function additionalData(path: readonly string[] | string): string {
  return typeof path === 'string' ? path : `${path.join(':')}:`;
}
