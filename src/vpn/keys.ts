import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { fail } from '../kernel/errors.ts';
import { Secret } from '../kernel/secret.ts';

/** A WireGuard key pair: Curve25519, 32 bytes each, in base64 as `wg genkey` and `wg pubkey` print them. */
export interface WireguardKeys {
  readonly privateKey: Secret;
  readonly publicKey: string;
}

/** RFC 8410: what stands before the 32 bytes of an X25519 private key in PKCS #8. */
const pkcs8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

const raw = (key: KeyObject) => Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64');

export function newWireguardKeys(): WireguardKeys {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  const bytes = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  return { privateKey: new Secret(bytes.toString('base64')), publicKey: raw(publicKey) };
}

/** The public half. @throws `usage` when it is no private key */
export function publicKeyOf(privateKey: Secret): string {
  const bytes = Buffer.from(privateKey.reveal(), 'base64');
  if (bytes.length !== 32) throw fail('usage', 'a WireGuard private key has 44 characters (32 bytes in base64)');
  const key = createPrivateKey({ key: Buffer.concat([pkcs8, bytes]), format: 'der', type: 'pkcs8' });
  return raw(createPublicKey(key));
}
