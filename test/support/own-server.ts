import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunResult, run } from '../../src/kernel/process.ts';
import { program } from '../../src/kernel/program.ts';

/** The newest installed major version of PostgreSQL. */
export const newestMajor = Math.max(...readdirSync('/usr/lib/postgresql').map(Number));

/**
 * Runs bash lines as root where /usr/share, /usr/lib/postgresql, /etc and /opt may be written and nothing of it stays, beside
 * a PostgreSQL of their own (`sql DATABASE 'SQL'`), with a platform of its database `shop` (`socle …`).
 * @param before runs before the server starts
 */
export async function besideOwnServer(before: string, lines: string): Promise<RunResult> {
  const directory = await mkdtemp(join(tmpdir(), 'socle-own-server-'));
  const script = join(directory, 'shell.sh');
  const bin = `/usr/lib/postgresql/${newestMajor}/bin`;
  writeFileSync(
    script,
    `set -eu
cd /
mount -t tmpfs -o mode=755 none /srv
for directory in /usr/share/postgresql /usr/lib/postgresql /etc /opt; do
  mkdir -p /srv/upper$directory /srv/work$directory
  mount -t overlay none -o lowerdir=$directory,upperdir=/srv/upper$directory,workdir=/srv/work$directory $directory
done
share=/usr/share/postgresql/${newestMajor}; library=/usr/lib/postgresql/${newestMajor}/lib
sql() { runuser -u postgres -- ${bin}/psql -qXAt -v ON_ERROR_STOP=1 -h /srv/pg -d "$1" -c "$2"; }
socle() { ${program} "$@" --config /srv/platform.yaml; }
${before}
install -d -o postgres -g postgres -m 755 /srv/pg
runuser -u postgres -- ${bin}/initdb -D /srv/pg/data -A trust --no-sync --locale=C.UTF-8 --encoding=UTF8 >/dev/null
runuser -u postgres -- ${bin}/pg_ctl -D /srv/pg/data -w -s -l /srv/pg/log -o "-c listen_addresses= -c unix_socket_directories=/srv/pg" start
sql postgres 'CREATE DATABASE shop'
head -c 16 /dev/urandom | base64 >/srv/password; chmod 600 /srv/password
cat >/srv/platform.yaml <<END
name: own
environment: dev
databases: [{name: shop, connection: {host: /srv/pg, database: shop, user: postgres}}]
backup: {vault: {repository: /srv/vault, password: {file: /srv/password}}}
drill: {limits: {reserve: 1MiB}}
ops: {state: /srv/state}
END
socle vault init >/dev/null
${lines}
`,
  );
  try {
    const namespaces = ['--mount', '--pid', '--ipc', '--fork', '--kill-child', '--mount-proc'];
    const accept = [...Array(256).keys()];
    return await run('unshare', [...namespaces, 'bash', script], { cwd: '/', accept, timeout: 240_000 });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
