import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { besideOwnServer, newestMajor } from '../../test/support/own-server.ts';
import { outsideOfUsr, searchDirectories } from './scratch-sight.ts';

const isRoot = process.getuid?.() === 0;
const postgis = `/usr/share/postgresql/${newestMajor}/extension/postgis.control`;

test('what links of the server lead to is shown, each step of the way', async () => {
  const root = await mkdtemp(join(tmpdir(), 'socle-sight-'));
  try {
    const at = (name: string) => join(root, name);
    for (const name of ['share', 'share/extension', 'lib', 'chosen', 'vendor']) mkdirSync(at(name));
    writeFileSync(at('vendor/x-3.control'), '');
    symlinkSync(at('vendor/x-3.control'), at('chosen/x.control'));
    symlinkSync('../../chosen/x.control', at('share/extension/x.control'));
    symlinkSync(at('nowhere'), at('share/extension/broken.control'));
    const shown = await outsideOfUsr({ share: at('share'), library: at('lib') });
    expect(shown).toEqual(expect.arrayContaining([at('chosen/x.control'), at('vendor/x-3.control')]));
    expect(shown).toEqual(expect.arrayContaining(['/etc/alternatives']));
    expect(shown).not.toContain(at('nowhere'));
    expect(shown.every((path) => !path.startsWith('/usr/') && existsSync(path))).toBe(true);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('the source does not choose what is shown: only directories of programs are, that root keeps', () => {
  const settings = {
    dynamic_library_path: '$libdir:/etc:/root:/var/lib/socle:/opt:/opt/nowhere:/srv/../etc',
    extension_control_path: '/home',
  };
  expect(searchDirectories(settings)).toEqual([]);
});

/** As Debian's PostGIS: a control file that is a link to what was chosen; and one of no concern that leads nowhere. */
const linked = `mkdir -p /opt/vendor/lib
cp $library/hstore.so /opt/vendor/lib/linked.so
ln -s /opt/vendor/lib/linked.so $library/linked.so
ln -s /etc/alternatives/linked.control $share/extension/linked.control
ln -s $share/extension/linked-1.control /etc/alternatives/linked.control
ln -s /etc/alternatives/gone.control $share/extension/gone.control
cat >$share/extension/linked-1.control <<'END'
default_version = '1.0'
module_pathname = '$libdir/linked'
END
echo "CREATE FUNCTION linked(int) RETURNS int AS 'MODULE_PATHNAME', 'hstore_version_diag' LANGUAGE C" >$share/extension/linked--1.0.sql`;

test.skipIf(!isRoot)(
  'an extension whose files are links out of /usr is restored, and what a drill lacks is said before',
  async () => {
    const { stdout, stderr, exitCode } = await besideOwnServer(
      linked,
      `sql shop 'CREATE EXTENSION linked; CREATE TABLE t AS SELECT 1 AS v'
socle backup run >/dev/null
socle database check shop --json >/srv/check; echo "check $?"; cat /srv/check
socle drill run
chmod 600 /opt/vendor/lib/linked.so
set +e
socle database check shop; echo "check $?"
socle drill run; echo "drill $?"`,
    );
    expect(exitCode, stdout + stderr).toBe(0);
    const [before = '', after = ''] = stdout.split('\nverdict', 2);
    expect(before).toMatch(/^check 0$/m);
    expect(before).toContain('"drill": []');
    expect(after, stdout).toMatch(/^ *proven/);
    expect(after).toMatch(/linked\.so cannot be read/);
    expect(stdout).toMatch(/not tested[\s\S]*drill-environment[\s\S]*^drill 5$/m);
  },
);

test.skipIf(!isRoot || !existsSync(postgis))('a database with the real PostGIS is proven', async () => {
  const { stdout, stderr, exitCode } = await besideOwnServer(
    '',
    `sql shop "CREATE EXTENSION postgis; CREATE TABLE places AS SELECT i AS id, ST_MakePoint(i, i)::geometry(Point) AS at FROM generate_series(1, 500) i; CREATE INDEX ON places USING gist (at)"
socle backup run --deep >/dev/null
socle database check shop
socle drill run --deep`,
  );
  expect(exitCode, stdout + stderr).toBe(0);
  expect(stdout).toMatch(/^verdict +proven$/m);
});
