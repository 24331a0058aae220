import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../kernel/process.ts';
import { addresses } from './names.ts';
import { nameServer } from './network.ts';

/** uid and gid of `debian`, the first user that an image makes. */
const firstUser = 1000;

/** What cloud-init would do on first boot: host keys, the operator's key, the name. */
export async function seedMachine(directory: string, name: string): Promise<void> {
  const upper = join(directory, 'upper');
  await mkdir(upper, { recursive: true });
  await chmod(directory, 0o700);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'operator', '-f', join(directory, 'operator-key')]);
  await mkdir(join(upper, 'etc/ssh'), { recursive: true });
  await run('ssh-keygen', [
    '-q',
    '-t',
    'ed25519',
    '-N',
    '',
    '-C',
    name,
    '-f',
    join(upper, 'etc/ssh/ssh_host_ed25519_key'),
  ]);
  const ssh = join(upper, 'home/debian/.ssh');
  await mkdir(ssh, { recursive: true });
  await writeFile(join(ssh, 'authorized_keys'), await readFile(join(directory, 'operator-key.pub')), { mode: 0o600 });
  for (const path of [join(upper, 'home/debian'), ssh, join(ssh, 'authorized_keys')])
    await chown(path, firstUser, firstUser);
  await chmod(ssh, 0o700);
  // With cgroup v1 nobody tells when a user's manager has ended: the next log-in would wait two minutes. It stays instead.
  await mkdir(join(upper, 'var/lib/systemd/linger'), { recursive: true });
  await writeFile(join(upper, 'var/lib/systemd/linger/debian'), '');
  await writeFile(join(upper, 'etc/hostname'), `${name}\n`);
  await writeFile(join(upper, 'etc/hosts'), `127.0.0.1 localhost\n::1 localhost\n127.0.1.1 ${name}\n`);
  await writeFile(join(upper, 'etc/resolv.conf'), `nameserver ${nameServer}\n`);
  const hostKey = (await readFile(join(upper, 'etc/ssh/ssh_host_ed25519_key.pub'), 'utf8'))
    .split(' ')
    .slice(0, 2)
    .join(' ');
  await writeFile(join(directory, 'known_hosts'), `${addresses.host.v4},${addresses.host.v6},10.8.0.1 ${hostKey}\n`);
}
