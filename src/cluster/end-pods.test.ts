import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownFile } from '../kernel/place.ts';
import { run } from '../kernel/process.ts';
import { shellWord } from '../kernel/shell.ts';

/** As containerd's shim: nobody may ask it to end, and what its container leaves behind is its own (prctl(2)). */
const shim = `use POSIX;
my ($set, $subreaper) = ((uname)[4] eq "aarch64" ? 167 : 157, 36);
syscall($set, $subreaper, 1, 0, 0, 0) == 0 or die;
exec "sh", "-c", $ARGV[-1] unless fork;
$SIG{TERM} = "IGNORE";
while (1) { sleep 1 if wait == -1 }
`;

const polite = `trap 'echo ended > last-words; exit 0' TERM; touch polite; while :; do sleep 0.1; done`;
/** The process that it started is in no namespace of the container's, as one of a pod with \`hostPID\`. */
const deaf = `trap '' TERM; sh -c 'touch left; exec sleep 600.1' & touch deaf; while :; do sleep 0.1; done`;
const other = 'touch other; exec sleep 600.2';

const why = userInfo().uid === 0 ? '' : '(needs root)';

test.skipIf(why !== '')(`what is left of pods is asked, then killed; of K3s alone ${why}`, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-pods-'));
  try {
    await writeFile(join(directory, 'shim.pl'), shim);
    const functions = await readFile(ownFile('ansible/templates/pods.sh.j2'), 'utf8');
    const begin = (address: string, container: string) =>
      `bash -c 'exec -a /data/bin/containerd-shim-runc-v2 perl shim.pl -namespace k8s.io -address ${address} "$0"' ${shellWord(container)} &`;
    const script = `set -eu
cd ${directory}
${begin('/run/k3s/containerd/containerd.sock', polite)}
${begin('/run/k3s/containerd/containerd.sock', deaf)}
${begin('/run/containerd/containerd.sock', other)}
until [ -e polite ] && [ -e deaf ] && [ -e left ] && [ -e other ]; do sleep 0.05; done
${functions}
end_pods 1
cat last-words
ps -eo args= | grep -E 'shim.pl|sleep 600|last-words|trap' | grep -v grep | cut -d ' ' -f 1-6`;
    // Processes of a namespace of its own: what this machine runs is not seen, and none is left.
    const { stdout } = await run('unshare', ['--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script]);
    expect(stdout.trim().split('\n')).toEqual([
      'ending 2 containers that are left',
      'killing 1 that did not end',
      'ended',
      '/data/bin/containerd-shim-runc-v2 shim.pl -namespace k8s.io -address /run/containerd/containerd.sock',
      'sleep 600.2',
    ]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
