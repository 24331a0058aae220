import { createCipheriv, createHash, randomBytes, scryptSync } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/kernel/process.ts';

/** The least that restic accepts; it chooses what takes half a second of the processor, which every call then pays. */
const cost = { N: 2, r: 1, p: 1 } as const;

/**
 * Gives a new local vault of restic the same password in a key file that costs nothing to open: a test that calls restic
 * hundreds of times spends most of its time in scrypt otherwise. All else of the vault stays as restic made it.
 * @see https://restic.readthedocs.io/en/stable/100_references.html#keys-encryption-and-mac
 */
export async function makeKeyCheap(repository: string, passwordFile: string): Promise<void> {
  const env = { RESTIC_REPOSITORY: repository, RESTIC_PASSWORD_FILE: passwordFile };
  const { stdout: master } = await run('restic', ['cat', 'masterkey', '--no-lock', '--no-cache'], { env });
  const password = (await readFile(passwordFile, 'utf8')).trimEnd();
  const salt = randomBytes(64);
  const derived = scryptSync(password, salt, 64, cost);
  const key = JSON.stringify({
    created: new Date().toISOString(),
    username: 'test',
    hostname: 'test',
    kdf: 'scrypt',
    ...cost,
    salt: salt.toString('base64'),
    data: seal(Buffer.from(master.trim()), derived).toString('base64'),
  });
  const keys = join(repository, 'keys');
  const costly = await readdir(keys);
  await writeFile(join(keys, createHash('sha256').update(key).digest('hex')), key, { mode: 0o400 });
  for (const name of costly) await rm(join(keys, name));
}

/** `IV ‖ AES-256-CTR ‖ Poly1305-AES`; `key` holds the key of the cipher (32 bytes), and `k` and `r` of the tag (16 each). */
function seal(plain: Buffer, key: Buffer): Buffer {
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-ctr', key.subarray(0, 32), iv);
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  const block = createCipheriv('aes-128-ecb', key.subarray(32, 48), null).setAutoPadding(false);
  return Buffer.concat([iv, sealed, poly1305(sealed, key.subarray(48, 64), block.update(iv))]);
}

/** RFC 8439, section 2.5, with `r` and `s` of their own; Node has it only as a part of ChaCha20-Poly1305. */
function poly1305(message: Buffer, r: Buffer, s: Buffer): Buffer {
  const number = (bytes: Buffer) => BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  const clamped = number(r) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = Buffer.concat([message.subarray(at, at + 16), Buffer.of(1)]);
    sum = ((sum + number(block)) * clamped) % (2n ** 130n - 5n);
  }
  const tag = (sum + number(s)) % 2n ** 128n;
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse();
}
