import { resolveArtifacts } from '../cluster/mirror.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Connection } from './connect.ts';
import { chooseDomains } from './domains.ts';
import { type Drift, driftReportSchema, judgeDrift, reportFile } from './drift-report.ts';
import { busyHost as busy, lookAtHost } from './look.ts';
import { followUnit, keyOfLogin } from './run.ts';
import { execAsRoot } from './ssh.ts';
import { ansibleVariables } from './variables.ts';

const busyCode = 75;
const neverCode = 66;

/** Who asks goes into a file: the unit is the timer's. A run that is under way looks at everything itself. */
const startScript = `umask 077
test -e /var/lib/socle/bundles/kept || exit ${neverCode}
for unit in socle-run socle-drift; do
  case $(systemctl is-active $unit.service) in active | activating | deactivating) exit ${busyCode} ;; esac
done
mkdir -p /run/socle
python3 -c "$4" "$1" "$2" "$3" > /run/socle/drift.request.json
systemctl start --no-block socle-drift.service`;

const request = `${keyOfLogin}
print(json.dumps({"id": sys.argv[2], "actor": sys.argv[3], "key": key_of_login(sys.argv[1])}))
`;

/**
 * Compares the host with its last run, now. Nothing of the host changes but its record of this.
 * A host without a run is compared with the platform file.
 * @throws `busy`, `host-unreachable`
 */
export async function runDrift(connection: Connection, actor: string, clock: Clock): Promise<Drift> {
  const { target, way, ways, signal, progress } = connection;
  const id = newId('r', clock.now());
  progress.step('comparing the host with its last run');
  const options = { args: [id, actor, request], accept: [0, busyCode, neverCode], timeout: 60_000, signal };
  const { exitCode } = await execAsRoot(target, way, startScript, options);
  if (exitCode === neverCode) return compareBare(connection, actor, clock);
  if (exitCode === busyCode) throw busy();
  const others = Object.values(ways).filter(({ kind }) => kind !== way.kind);
  const record = await followUnit({ target, progress, signal }, [way, ...others], 'socle-drift.service', id);
  if (record === null || record.status === 'interrupted') throw busy();
  return judgeDrift(driftReportSchema.parse(record), everyOf(connection), clock.now());
}

/** A host that was never provisioned, with what the platform file would make of it. */
async function compareBare(connection: Connection, actor: string, clock: Clock): Promise<Drift> {
  const { platform, progress } = connection;
  progress.step('the host was never provisioned: comparing it with the platform file');
  const only = chooseDomains(platform, []);
  const artifacts = platform.cluster ? await resolveArtifacts({ sums: platform.cluster.mirror_sums }) : [];
  const request = { check: true, drift: true, only, actor, revision: null };
  const record = await lookAtHost(connection, request, ansibleVariables(platform, artifacts));
  return judgeDrift(driftReportSchema.parse(record), everyOf(connection), clock.now());
}

/** The newest comparison that the host has on record. */
export async function readDrift(connection: Connection, now: Date): Promise<Drift> {
  const { target, way, signal } = connection;
  const script = `test ! -e ${reportFile} || cat ${reportFile}`;
  const { stdout } = await execAsRoot(target, way, script, { timeout: 30_000, signal });
  const report = stdout === '' ? null : driftReportSchema.parse(JSON.parse(stdout));
  return judgeDrift(report, everyOf(connection), now);
}

const everyOf = ({ platform }: Connection): number => platform.drift.every;
