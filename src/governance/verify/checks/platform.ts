import { judgeDrift } from '../../../host/drift-report.ts';
import { check, fail, pass, toCome, warn } from '../check.ts';
import { kubernetesPort } from '../outside/ports.ts';

const day = 86_400_000;

/** A run is followed by a comparison two minutes later, which takes a while. Milliseconds. */
const soon = 900_000;

/** What is seen of the platform as a whole: its runs, its kit, its answers through the tunnel. */
export const platformChecks = [
  check({
    id: 'run-completed',
    title: 'the last provisioning run came to its end',
    requirements: ['FR1', 'FR2'],
    side: 'inside',
    next: '`socle runs show last` says what failed; `socle up` completes it',
    looks: ['runs'],
    judge({ runs }) {
      const last = runs.find((run) => !run.check);
      if (!last) return fail('there was no run on this host');
      if (last.uninstall) return fail(`${last.id} took off this host: ${last.only.join(', ')}`);
      const good = last.status === 'done' && last.failed.length === 0;
      return (good ? pass : fail)(`${last.id}: ${last.status}, ${last.failed.length} tasks failed`);
    },
  }),
  check({
    id: 'run-drift',
    title: 'the host is as its last run made it, and was compared not too long ago',
    requirements: ['MO-2', 'FR27', 'FR9'],
    side: 'inside',
    next: '`socle drift show` names each deviation; `socle up` puts it right, `socle drift run` compares anew',
    looks: ['drift', 'runs'],
    judge({ drift, runs }, { platform, now }) {
      const { state, detail } = judgeDrift(drift, platform.drift.every, now);
      if (state === 'ok') return pass(detail);
      const last = runs.find((run) => !run.check)?.endedAt;
      const fresh = last ? now.getTime() - Date.parse(last) < soon : false;
      const before = drift !== null && last && Date.parse(drift.endedAt) < Date.parse(last);
      if (state === 'never compared' && fresh) return toCome(`${detail}; it compares itself two minutes after a run`);
      // What it found is what the run after it put right, or left and named.
      if (state === 'drift' && before && fresh)
        return toCome('the newest comparison is older than the last run; the next one is two minutes after the run');
      return fail(detail);
    },
  }),
  check({
    id: 'recovery-kit',
    title: 'a recovery kit off the host has opened the vault',
    requirements: ['FR22', 'NFR-8'],
    side: 'inside',
    next: '`socle kit create --to DIRECTORY`, then `socle kit confirm --from DIRECTORY`',
    looks: ['kit'],
    judge({ kit: { state, detail } }) {
      return (state === 'confirmed' ? pass : fail)(detail);
    },
  }),
  check({
    id: 'tunnel-kubernetes',
    title: 'the Kubernetes API answers through the tunnel, and asks for credentials',
    requirements: ['FR5', 'AM-2'],
    side: 'outside',
    next: '`systemctl status k3s` on the host; `socle vpn status` for the tunnel',
    looks: ['clusterApi'],
    judge: ({ clusterApi }, { platform }) =>
      (clusterApi === 401 ? pass : fail)(`port ${kubernetesPort(platform)}: HTTP ${clusterApi} without credentials`),
  }),
  check({
    id: 'tunnel-ops-api',
    title: "the daemon's API answers through the tunnel",
    requirements: ['ES-1', 'AM-1'],
    side: 'outside',
    next: '`systemctl status socle` on the host says why it does not answer',
    looks: ['opsApi'],
    judge: ({ opsApi }, { platform }) =>
      ([200, 503].includes(opsApi) ? pass : fail)(`port ${platform.ops.listen.port}: HTTP ${opsApi}`),
  }),
  check({
    id: 'tls-protocol',
    title: 'what answers on port 443 speaks TLS 1.2 or newer only',
    requirements: ['FR6'],
    side: 'outside',
    next: 'set the oldest version of the server that has port 443 to TLS 1.2',
    looks: ['tls'],
    judge({ tls: { protocol, old } }) {
      if (old) return fail('it speaks TLS 1.1 or older with whoever asks for it');
      return protocol === null ? fail('it does not speak TLS') : pass(protocol);
    },
  }),
  check({
    id: 'tls-certificate',
    title: 'the certificate of port 443 is valid for two weeks at least',
    requirements: ['FR6', 'NFR-6'],
    side: 'outside',
    next: 'renew the certificate, or see why it was not renewed',
    looks: ['tls'],
    judge({ tls: { validFrom, validTo, subject } }, { now }) {
      if (validFrom === null || validTo === null) return fail('it shows no certificate');
      const left = Date.parse(validTo) - now.getTime();
      const text = `${subject ?? 'a certificate'}, ${validFrom} to ${validTo}`;
      if (left <= 0 || Date.parse(validFrom) > now.getTime()) return fail(text);
      return (left < 14 * day ? warn : pass)(text);
    },
  }),
];
