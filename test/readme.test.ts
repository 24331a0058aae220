import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../src/kernel/process.ts';

const checkout = fileURLToPath(new URL('..', import.meta.url));
const long = process.env.SOCLE_LONG === '1';
const isRoot = process.getuid?.() === 0;
const major = Math.max(...readdirSync('/usr/lib/postgresql').map(Number));

/**
 * All that cannot be run as it stands on a machine without network, systemd and a second host, and what runs instead.
 * Each one has to be there: a line of the README that changes is met as it is, or has to be declared here.
 */
const instead: ReadonlyArray<readonly [line: string, here: string]> = [
  ['git clone <this repository> /opt/socle && cd /opt/socle && npm ci --ignore-scripts', 'cd /opt/socle'],
  [
    'apt-get install --no-install-recommends postgresql restic bubblewrap   # the major version of your server',
    'command -v psql restic bwrap',
  ],
  ['repository: sftp:backup@vault.example:/srv/socle', 'repository: /srv/socle'],
  ['/etc/postgresql/17/main/pg_ident.conf', `/etc/postgresql/${major}/main/pg_ident.conf`],
  ['/etc/postgresql/17/main/pg_hba.conf', `/etc/postgresql/${major}/main/pg_hba.conf`],
  ['systemctl reload postgresql', `pg_ctlcluster ${major} main reload`],
  // It runs until it is stopped.
  [
    'socle serve                           # from now on by itself: http://127.0.0.1:7410/v1/health',
    `socle serve & daemon=$!
    for i in $(seq 300); do perl -MHTTP::Tiny -e 'exit !HTTP::Tiny->new->get("http://127.0.0.1:7410/v1/health")->{success}' && break; sleep 0.1; done
    kill $daemon; wait $daemon`,
  ],
  ['make test    # every check and every test that CI runs', ': this is one of them'],
  ...(long
    ? []
    : ([
        [
          'make demo    # the whole of it in under two minutes, with a database of its own; leaves nothing behind',
          ': in make test-long',
        ],
      ] as const)),
];

/** A Debian of its own as far as the README touches it: mounts, processes and network end with the shell. */
const around = (block: string) => `set -eu
mount -t tmpfs none /srv
for directory in /etc /opt /var/lib; do
  mkdir -p /srv/upper$directory /srv/lower$directory
  mount -t overlay none -o lowerdir=$directory,upperdir=/srv/upper$directory,workdir=/srv/lower$directory $directory
done
mkdir -p /opt/socle /srv/over /srv/work
for directory in /etc/socle /etc/postgresql /usr/local/bin /var/lib/socle /var/lib/postgresql /var/log/postgresql /run/postgresql; do
  mkdir -p $directory; mount -t tmpfs -o mode=755 none $directory
done
mount -t overlay none -o lowerdir=${checkout},upperdir=/srv/over,workdir=/srv/work /opt/socle
install -d -o postgres -g postgres -m 2775 /run/postgresql/. /var/lib/postgresql/. /var/log/postgresql/.
chown postgres:postgres /run/postgresql /var/lib/postgresql /var/log/postgresql
ip link set lo up
pg_createcluster ${major} main --locale C.UTF-8 -- --no-sync >/dev/null
pg_ctlcluster ${major} main start
runuser -u postgres -- psql -qX -c 'CREATE DATABASE shop'
runuser -u postgres -- psql -qX -d shop -c 'CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 1000) i'
cd /opt/socle
: the README, in one shell
${block}
: what has to be true afterwards
[ "$(umask)" = 0022 ] || { echo "the umask is $(umask)"; exit 90; }
[ "$(stat -c %a /etc/socle/secrets/vault.password)" = 600 ] || { echo 'the password can be read'; exit 91; }
[ -s report.html ] || { echo 'there is no report'; exit 92; }
socle drill list --json
echo; echo END
`;

test.skipIf(!isRoot)('the README does what it says, line by line, in one shell', async () => {
  const page = readFileSync(join(checkout, 'README.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block ?? '');
  expect(blocks).toHaveLength(2);
  let text = blocks.join('\n');
  for (const [line, here] of instead) {
    expect(text).toContain(line);
    text = text.replaceAll(line, here);
  }
  const directory = await mkdtemp(join(tmpdir(), 'socle-readme-'));
  try {
    const script = join(directory, 'shell.sh');
    writeFileSync(script, around(text));
    const namespaces = ['--mount', '--pid', '--net', '--ipc', '--fork', '--kill-child', '--mount-proc'];
    const ended = await run('unshare', [...namespaces, 'bash', script], {
      cwd: '/',
      accept: [...Array(256).keys()],
      timeout: 240_000,
    });
    expect(ended.exitCode, `${ended.stdout.slice(-3_000)}\n${ended.stderr.slice(-3_000)}`).toBe(0);
    const [, drills = ''] = /^(\[\n[\s\S]*?^\])\n+END$/m.exec(ended.stdout) ?? [];
    expect(JSON.parse(drills)).toMatchObject([{ database: 'shop', verdict: 'proven' }]);
    expect(ended.stdout).toContain('proven');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
