/** What somebody may start Socle from. None of it may change what comes out. */
export interface Surroundings {
  readonly name: string;
  /** Shell lines that run before `"$@"`, which is Socle; `$PLACE` is an empty directory of the test's. */
  readonly lines: string;
  /** In a short run, those of one group are met together, in this order. */
  readonly group?: 1 | 2 | 3 | 4;
  /** Needs root: mounts, other users. */
  readonly root?: boolean;
}

const fakes =
  'sh env readlink uname node psql pg_dump pg_restore postgres initdb restic bwrap du sort comm nice setpriv perl mkfifo';

/** Each one is a line of a table; some are put together where they have nothing to do with each other. */
export const surroundings: readonly Surroundings[] = [
  { name: 'no HOME', group: 1, lines: 'unset HOME' },
  { name: 'a HOME that is not there', group: 2, lines: 'export HOME=/nonexistent/home' },
  { name: 'a HOME that cannot be written', group: 3, lines: 'export HOME=/proc/sys' },
  {
    name: 'a HOME of another user',
    group: 4,
    lines: 'export HOME=$PLACE/home; mkdir "$HOME"; chown nobody "$HOME"; chmod 700 "$HOME"',
    root: true,
  },
  { name: 'a relative HOME', lines: 'export HOME=somewhere' },
  { name: 'a TMPDIR that is not there', group: 1, lines: 'export TMPDIR=/nonexistent/tmp' },
  { name: 'a relative TMPDIR', group: 2, lines: 'export TMPDIR=tmp' },
  { name: 'a TMPDIR that is a file', lines: 'export TMPDIR=/etc/passwd' },
  { name: 'a TMPDIR that only root passes', group: 3, lines: 'export TMPDIR=$PLACE/tmp; mkdir -m 700 "$TMPDIR"' },
  {
    name: 'a TMPDIR without programs, and of another user',
    group: 4,
    lines: 'export TMPDIR=$PLACE/tmp; mkdir "$TMPDIR"; mount -t tmpfs -o noexec,mode=755,uid=65534 none "$TMPDIR"',
    root: true,
  },
  {
    name: 'a language that is not installed',
    group: 1,
    lines: 'export LANG=xx_YY.UTF-8 LC_ALL=xx_YY.UTF-8 LANGUAGE=fr:xx LC_NUMERIC=fr_FR',
  },
  { name: 'a time zone that does not exist', group: 1, lines: 'export TZ=Nowhere/City' },
  { name: 'a time zone far away', group: 4, lines: 'export TZ=Pacific/Chatham' },
  { name: 'no PATH', group: 1, lines: 'unset PATH' },
  { name: 'a short PATH', group: 4, lines: 'export PATH=/usr/bin:/bin' },
  {
    name: 'a PATH of programs that only have the names',
    group: 2,
    lines: `mkdir "$PLACE/bin"; for name in ${fakes}; do printf '#!/bin/false\\n' >"$PLACE/bin/$name"; chmod 755 "$PLACE/bin/$name"; done; cd "$PLACE/bin"; export PATH=.::$PLACE/bin:$PATH`,
  },
  { name: 'few open files', group: 2, lines: 'ulimit -S -n 40' },
  { name: 'small files', lines: 'ulimit -S -f 100' },
  {
    name: 'little memory, a small stack, no time',
    group: 1,
    lines: 'ulimit -S -v 2000000; ulimit -S -d 500000; ulimit -S -s 128; ulimit -S -t 3',
  },
  {
    name: 'a hard limit of files and of memory',
    group: 3,
    lines: 'ulimit -H -f 40000000; ulimit -S -f 1000; ulimit -H -d 30000000; ulimit -H -n 1024',
  },
  { name: 'core files', group: 4, lines: 'ulimit -S -c unlimited' },
  {
    name: 'a working directory that is gone',
    group: 1,
    lines: 'mkdir "$PLACE/gone"; cd "$PLACE/gone"; rmdir "$PLACE/gone"',
  },
  {
    name: 'a working directory that nobody reads',
    group: 4,
    lines: 'mkdir -m 0 "$PLACE/closed"; cd "$PLACE/closed" || cd /',
  },
  { name: 'no terminal', group: 3, lines: 'set -- setsid -w "$@"' },
  { name: 'no standard input', lines: 'exec 0<&-' },
  { name: 'no standard output', lines: 'exec 1>&-' },
  { name: 'no standard error', lines: 'exec 2>&-' },
  { name: 'no standard stream at all', group: 1, lines: 'exec 0<&- 1>&- 2>&-' },
  { name: 'input from a pipe that never ends', group: 4, lines: 'mkfifo "$PLACE/fifo"; exec 0<>"$PLACE/fifo"' },
  {
    name: 'output that nobody reads',
    group: 3,
    lines: 'mkfifo "$PLACE/out"; exec 3<>"$PLACE/out" 1>"$PLACE/out" 2>&1 3<&-',
  },
  { name: 'signals that are ignored', group: 2, lines: `trap '' PIPE HUP USR1 CHLD ALRM` },
  {
    name: 'an account under sudo',
    group: 2,
    lines: 'export SUDO_USER=nobody SUDO_UID=65534 USER=nobody LOGNAME=nobody',
  },
  { name: 'a lower priority', group: 3, lines: 'set -- nice -n 15 "$@"' },
  {
    name: 'variables of PostgreSQL',
    group: 2,
    lines:
      'export PGHOST=/nowhere PGPORT=1 PGUSER=nobody PGDATABASE=none PGPASSWORD=x PGOPTIONS="-c statement_timeout=1" PGSSLMODE=verify-full PGSERVICE=none PGPASSFILE=/nowhere PGCLIENTENCODING=SQL_ASCII PGTZ=Asia/Tokyo PGDATESTYLE=German PGREQUIREPEER=nobody PGTARGETSESSIONATTRS=standby PGDATA=/nowhere PGCONNECT_TIMEOUT=1 PGSYSCONFDIR=/nowhere',
  },
  {
    name: 'variables of restic and Git',
    group: 3,
    lines:
      'export RESTIC_REPOSITORY=/nowhere RESTIC_PASSWORD=x RESTIC_PASSWORD_COMMAND=false RESTIC_CACHE_DIR=/proc RESTIC_COMPRESSION=bad RESTIC_PACK_SIZE=x RESTIC_KEY_HINT=0 RESTIC_FROM_REPOSITORY=/no GIT_DIR=/nowhere GIT_WORK_TREE=/nowhere',
  },
  {
    name: 'variables of Node and of the loader',
    group: 3,
    lines:
      'export NODE_OPTIONS="--require /nowhere.js" NODE_PATH=/nowhere NODE_TLS_REJECT_UNAUTHORIZED=0 NODE_PG_FORCE_NATIVE=1 LD_LIBRARY_PATH=/nowhere BASH_ENV=/nowhere ENV=/nowhere XDG_CACHE_HOME=/nowhere XDG_RUNTIME_DIR=/nowhere',
  },
  { name: 'nothing in the environment', lines: 'set -- env -i "$@"' },
  { name: 'umask 077', group: 1, lines: 'umask 077' },
  { name: 'umask 777', group: 2, lines: 'umask 777' },
];
