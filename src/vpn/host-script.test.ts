import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownFile } from '../kernel/place.ts';
import { run } from '../kernel/process.ts';
import { newWireguardKeys } from './keys.ts';

const why = userInfo().uid === 0 ? '' : '(SKIPPED: needs root)';

/** Stands before every program that the script may call: notes its arguments, then is it. `wg` and `ip` change nothing. */
const noting = `#!/bin/sh
printf '%s %s\\n' "\${0##*/}" "$*" >> /run/socle/arguments
case \${0##*/} in
  wg) [ "$1" != setconf ] || cat "$3" > /run/socle/configured ;;
  ip) ;;
  *) exec "/usr/bin/\${0##*/}" "$@" ;;
esac
`;

test.skipIf(why !== '')(`the host gives wg0 its key, and no program sees it in its arguments ${why}`, async () => {
  const root = await mkdtemp(join(tmpdir(), 'socle-wireguard-'));
  const at = (name: string) => join(root, name);
  try {
    const template = await readFile(ownFile('ansible/roles/network/templates/wireguard.sh.j2'), 'utf8');
    const script = template.replace(/^\{% (if|else|endif).*\n/gm, '').replace(/\{\{ \w+ \}\}/g, '10.8.0.1');
    const keys = newWireguardKeys();
    for (const name of ['etc/wireguard', 'run', 'bin']) await mkdir(at(name), { recursive: true });
    await writeFile(at('script'), script);
    await writeFile(at('etc/wireguard/private.key'), keys.privateKey.reveal());
    await writeFile(at('etc/wireguard/peers.conf'), '[Interface]\nListenPort = 51820\n\n[Peer]\nPublicKey = x\n');
    for (const name of [...(await readdir('/usr/bin')), 'wg', 'ip']) {
      if (!new RegExp(`\\b${name.replace(/[^\w-]/g, '\\$&')}\\b`).test(script) || name === 'sh') continue;
      await writeFile(at(`bin/${name}`), noting);
      await chmod(at(`bin/${name}`), 0o755);
    }
    const empty = ['/etc', '/run', '/tmp'].flatMap((place) => ['--tmpfs', place]);
    const own = ['--bind', root, root, '--bind', at('etc'), '/etc/socle', '--bind', at('run'), '/run/socle'];
    const binds = ['--dev-bind', '/', '/', ...empty, ...own];
    await run('bwrap', [...binds, '--setenv', 'PATH', `${at('bin')}:/usr/bin:/bin`, 'sh', at('script'), 'up']);
    expect(await readFile(at('run/configured'), 'utf8')).toBe(
      `[Interface]\nPrivateKey = ${keys.privateKey.reveal()}\nListenPort = 51820\n\n[Peer]\nPublicKey = x\n`,
    );
    const seen = await readFile(at('run/arguments'), 'utf8');
    expect(seen).toMatch(/^wg setconf wg0 /m);
    expect(seen).toMatch(/^mktemp/m);
    expect(seen).not.toContain(keys.privateKey.reveal());
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
