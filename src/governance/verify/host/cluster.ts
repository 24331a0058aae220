import { parse } from 'yaml';
import { z } from 'zod';
import { type FileFacts, fileFormat, parseFile } from './files.ts';
import { pairsOf, piece, section, sections, withoutCluster } from './piece.ts';

/** Arguments of a component by name, without dashes; one without a value is `true`. */
export type Arguments = Readonly<Record<string, string>>;

const components = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'] as const;
export type Component = (typeof components)[number];

export interface ServerFacts {
  /** As `k3s --version` prints it, such as `v1.36.3+k3s1`. */
  readonly version: string;
  /** What K3s started its components with; it writes that into its log. */
  readonly arguments: Readonly<Record<Component, Arguments>>;
}

export const clusterServer = piece<ServerFacts>({
  nothing: withoutCluster,
  script: `${section('version')}
k3s --version | head -n 1
${section('arguments')}
invocation=$(systemctl show --property=InvocationID --value k3s.service)
journalctl -o cat "_SYSTEMD_INVOCATION_ID=$invocation" | sed -nE 's/.*msg="Running (kube-[a-z-]+) (.*)"$/\\1 \\2/p'`,
  parse(stdout) {
    const of = sections(stdout);
    const version = of('version')[0]?.split(' ')[2];
    if (version === undefined) throw new Error('k3s does not tell its version');
    const found = new Map(of('arguments').map((line) => [line.split(' ')[0] ?? '', parseArguments(line)]));
    const missing = components.filter((name) => !found.has(name));
    if (missing.length > 0) {
      throw new Error(
        `K3s’ start is no longer in the journal (${missing[0]}); \`systemctl restart k3s\`: pods outlive it`,
      );
    }
    return { version, arguments: Object.fromEntries(found) as Record<Component, Arguments> };
  },
});

function parseArguments(line: string): Arguments {
  const words = line.split(' ').filter((word) => word.startsWith('--'));
  return Object.fromEntries(
    words.map((word) => {
      const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/.exec(word) ?? [];
      return [name, value ?? 'true'];
    }),
  );
}

/** Files of K3s that hold configuration, credentials or data; not those of containers. */
export const clusterFiles = piece<readonly FileFacts[]>({
  nothing: withoutCluster,
  script: `find /etc/rancher /var/lib/rancher/k3s/server ${fileFormat}
find /var/lib/rancher/k3s/agent -maxdepth 1 ${fileFormat}
find /var/lib/rancher/k3s/agent/etc /var/lib/rancher/k3s/storage -maxdepth 1 ${fileFormat} 2>/dev/null
find /var/lib/cni/networks -type f ! -name lock ${fileFormat} 2>/dev/null
true`,
  parse(stdout) {
    const lines = stdout.split('\n').filter(Boolean);
    if (lines.length === 0) throw new Error('there are no files of K3s');
    return lines.map(parseFile);
  },
});

/** What the kubelet goes by; as far as checks look into it. */
const kubeletConfiguration = z.looseObject({
  authentication: z.looseObject({
    anonymous: z.looseObject({ enabled: z.boolean().optional() }).optional(),
    x509: z.looseObject({ clientCAFile: z.string().optional() }).optional(),
  }),
  authorization: z.looseObject({ mode: z.string().optional() }),
  readOnlyPort: z.number().optional(),
  streamingConnectionIdleTimeout: z.string().optional(),
  makeIPTablesUtilChains: z.boolean().optional(),
  eventRecordQPS: z.number().optional(),
  tlsCertFile: z.string().optional(),
  tlsPrivateKeyFile: z.string().optional(),
  rotateCertificates: z.boolean().optional(),
  tlsCipherSuites: z.array(z.string()).optional(),
  tlsMinVersion: z.string().optional(),
  podPidsLimit: z.number().optional(),
  protectKernelDefaults: z.boolean().optional(),
  seccompDefault: z.boolean().optional(),
  featureGates: z.record(z.string(), z.boolean()).optional(),
});
export type KubeletFacts = z.output<typeof kubeletConfiguration>;

export const kubelet = piece<KubeletFacts>({
  nothing: withoutCluster,
  script: `set -e
node=$(k3s kubectl get nodes -o 'jsonpath={.items[0].metadata.name}')
k3s kubectl get --raw "/api/v1/nodes/$node/proxy/configz"`,
  parse: (stdout) => z.object({ kubeletconfig: kubeletConfiguration }).parse(JSON.parse(stdout)).kubeletconfig,
});

export interface EncryptionFacts {
  /** What encrypts Secrets that are written now, such as `aescbc`; `identity` is nothing. Keys are never read out. */
  readonly provider: string;
  /** Secrets in the datastore, and how many of them are not encrypted. */
  readonly secrets: number;
  readonly plain: number;
}

/** The newest row of each Secret in K3s' datastore (kine): its value begins with `k8s:enc:` when it is encrypted. */
const readEncryption = `import json, sqlite3
server = "/var/lib/rancher/k3s/server"
with open(f"{server}/cred/encryption-config.json") as file:
    resources = json.load(file)["resources"]
providers = [entry["providers"] for entry in resources if "secrets" in entry["resources"]]
print("provider=" + next(iter(providers[0][0])) if providers else "provider=identity")
database = sqlite3.connect(f"file:{server}/db/state.db?mode=ro", uri=True, timeout=10)
rows = database.execute("""SELECT substr(value, 1, 8) FROM kine WHERE deleted = 0 AND id IN
  (SELECT max(id) FROM kine WHERE name LIKE '/registry/secrets/%' GROUP BY name)""").fetchall()
print(f"secrets={len(rows)}")
print(f"plain={sum(bytes(row[0]) != b'k8s:enc:' for row in rows)}")`;

export const encryption = piece<EncryptionFacts>({
  nothing: withoutCluster,
  script: `python3 - <<'EOF'
${readEncryption}
EOF`,
  parse(stdout) {
    const { provider, secrets, plain } = pairsOf(stdout.split('\n').filter(Boolean));
    if (provider === undefined || secrets === undefined || plain === undefined) throw new Error('nothing was counted');
    return { provider, secrets: Number(secrets), plain: Number(plain) };
  },
});

export interface ClusterConfigFacts {
  /** Modes of Pod Security that every namespace has unless it says otherwise. */
  readonly podSecurity: Readonly<Record<string, string>>;
  readonly podSecurityExempt: readonly string[];
  /** Kinds of limits to events. */
  readonly eventLimits: readonly string[];
  /** Levels of the audit policy, for the resources that they are about; empty means all others. */
  readonly audit: readonly { readonly level: string; readonly resources: readonly string[] }[];
}

const strings = z.array(z.string());
const admission = z.object({
  plugins: z.array(
    z.object({
      name: z.string(),
      configuration: z.looseObject({
        defaults: z.record(z.string(), z.string()).optional(),
        exemptions: z.looseObject({ namespaces: strings.optional() }).optional(),
        limits: z.array(z.looseObject({ type: z.string() })).optional(),
      }),
    }),
  ),
});
const auditPolicy = z.object({
  rules: z.array(
    z.looseObject({
      level: z.string(),
      resources: z.array(z.looseObject({ resources: strings.optional() })).optional(),
    }),
  ),
});

/** The documents that the API server reads at its start. */
export const clusterConfig = piece<ClusterConfigFacts>({
  nothing: withoutCluster,
  script: `set -e
${section('admission')}
cat /etc/rancher/k3s/admission.yaml
${section('audit')}
cat /etc/rancher/k3s/audit-policy.yaml`,
  parse(stdout) {
    const of = sections(stdout);
    const { plugins } = admission.parse(parse(of('admission').join('\n')));
    const named = (name: string) => plugins.find((one) => one.name === name)?.configuration;
    const { rules } = auditPolicy.parse(parse(of('audit').join('\n')));
    return {
      podSecurity: named('PodSecurity')?.defaults ?? {},
      podSecurityExempt: named('PodSecurity')?.exemptions?.namespaces ?? [],
      eventLimits: named('EventRateLimit')?.limits?.map(({ type }) => type) ?? [],
      audit: rules.map(({ level, resources }) => ({
        level,
        resources: resources?.flatMap((one) => one.resources ?? []) ?? [],
      })),
    };
  },
});
