import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownFile } from '../../src/kernel/place.ts';
import { type RunResult, run, start } from '../../src/kernel/process.ts';
import { until } from './until.ts';

const anyCode = Array.from({ length: 256 }, (_, code) => code);
const places = ['/etc/socle', '/run/socle', '/usr/local/lib/socle', '/run/wireguard'] as const;

/** Programs of the role `network`, with the files that they read, where they see neither the network nor the files of this machine. */
export interface RoleScripts {
  /** A shell command inside. */
  sh(script: string): Promise<RunResult>;
  leave(): Promise<void>;
}

/** @param commands shell scripts by name that stand before programs of this machine */
export async function roleScripts(
  templates: readonly string[],
  variables: Readonly<Record<string, string>>,
  commands: Readonly<Record<string, string>> = {},
): Promise<RoleScripts> {
  const directory = await mkdtemp(join(tmpdir(), 'socle-role-'));
  const bin = join(directory, 'bin');
  await mkdir(bin);
  for (const [name, text] of Object.entries(commands)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const mounts = places.map((place) => `mkdir -p ${place} && mount -t tmpfs tmpfs ${place}`).join(' && ');
  const holder = start('setpriv', [
    ...['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c'],
    `ip link set lo up && ${mounts} && touch ${directory}/ready && exec sleep infinity`,
  ]);
  await until('the namespaces', async () => (await readFile(join(directory, 'ready')).catch(() => null)) !== null);
  const inside = [
    '-t',
    String(holder.pid),
    '--net',
    '--mount',
    '--',
    'env',
    `PATH=${bin}:/usr/sbin:/usr/bin:/sbin:/bin`,
  ];
  const sh = (script: string) => run('timeout', ['20', 'nsenter', ...inside, 'sh', '-c', script], { accept: anyCode });
  for (const name of templates) {
    const text = (await readFile(ownFile(`ansible/roles/network/templates/${name}.sh.j2`), 'utf8'))
      // Of alternatives the second: without WireGuard in the kernel.
      .replaceAll(/^\{% if .*\n[\s\S]*?^\{% else %\}\n([\s\S]*?)^\{% endif %\}\n/gm, '$1')
      .replaceAll(/\{\{ (\w+) \}\}/g, (_, variable: string) => variables[variable] ?? '');
    await writeFile(join(directory, name), text, { mode: 0o700 });
    await sh(`cp -p ${join(directory, name)} /usr/local/lib/socle/${name}`);
  }
  return {
    sh,
    async leave() {
      holder.kill('SIGKILL');
      await holder.ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
