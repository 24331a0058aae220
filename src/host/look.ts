import { fail } from '../kernel/errors.ts';
import { bundle, type RunRequest } from './bundle.ts';
import type { Connection } from './connect.ts';
import { unpack } from './run.ts';
import { execAsRoot } from './ssh.ts';

const busyCode = 75;

/**
 * Everything happens in a directory that is removed at the end, Ansible included where the host has none: its packages are
 * unpacked there, and installed nowhere.
 */
const lookScript = `set -e
if systemctl is-active --quiet socle-run.service; then exit ${busyCode}; fi
umask 077
place=$(mktemp -d /tmp/socle-look.XXXXXX)
trap 'rm -rf "$place"' EXIT
export TMPDIR="$place" SOCLE_RUNS="$place/runs"
python3 -c "$2" "$place/bundle" "$1"
if ! command -v ansible-playbook >/dev/null; then
  options="-q -o Dir::State::lists=$place/lists -o Dir::Cache=$place/cache -o Dir::Log=$place/log"
  options="$options -o Debug::NoLocking=1 -o APT::Sandbox::User=root"
  mkdir -p "$place/lists/partial" "$place/cache/archives/partial" "$place/log" "$place/root"
  apt-get $options update >&2
  apt-get $options install -y --download-only --no-install-recommends ansible-core >&2
  for package in "$place"/cache/archives/*.deb; do dpkg-deb -x "$package" "$place/root"; done
  export PATH="$place/root/usr/bin:$PATH" PYTHONPATH="$place/root/usr/lib/python3/dist-packages"
fi
"$place/bundle/host/socle-run" look`;

/** @see failures.busy */
export const busyHost = () =>
  fail('busy', 'a run or another comparison is under way on this host', { next: 'wait for it: `socle runs list`' });

/**
 * Lets the roles look at the host and leaves nothing there, not even a record.
 * @param request with `check`
 * @returns the record of it, as the host printed it
 * @throws `busy`, `host-unreachable`, `command-failed`
 */
export async function lookAtHost(
  { target, way, signal }: Pick<Connection, 'target' | 'way' | 'signal'>,
  request: RunRequest,
  variables: Record<string, unknown>,
): Promise<unknown> {
  const { exitCode, stdout } = await execAsRoot(target, way, lookScript, {
    args: [unpack],
    input: await bundle(request, variables),
    accept: [0, busyCode],
    timeout: 600_000,
    signal,
  });
  if (exitCode === busyCode) throw busyHost();
  return JSON.parse(stdout);
}
