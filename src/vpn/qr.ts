import { run } from '../kernel/process.ts';
import { Secret } from '../kernel/secret.ts';

/** A QR code for a terminal, by qrencode (Debian's package of that name). @throws `tool-missing` */
export async function qrCode(text: Secret): Promise<Secret> {
  const { stdout } = await run('qrencode', ['-t', 'UTF8', '-m', '2'], { input: text.reveal(), sensitive: true });
  return new Secret(stdout);
}
