import { z } from 'zod';
import { piece, withoutCluster } from './piece.ts';

const view = z.object({
  /** How many pods have a network of their own. */
  pods: z.number(),
  /** What a pod is meant to reach, and did. */
  api: z.boolean(),
  dns: z.boolean(),
  /** Addresses and ports of the host that were asked for. */
  asked: z.number(),
  /** Those that answered, be it with a refusal: the packet came through. */
  host: z.array(z.object({ address: z.string(), port: z.number() })),
  /** Peers of the VPN, and the provider's own services, that answered. */
  others: z.array(z.object({ address: z.string(), port: z.number() })),
});
export type PodView = z.output<typeof view>;

/**
 * Asks from inside a pod's network: every TCP port that listens on any address of the host, peers and the provider. A port
 * that refuses was reached, too. What is asked for first is the API through its Service, so that a pod which a
 * NetworkPolicy isolates does not stand for the others.
 */
const ask = `import concurrent.futures, errno, glob, json, os, socket, subprocess, sys
def out(*command): return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
def reached(target):
    try:
        with socket.create_connection(target, timeout=1.5): return True
    except ConnectionRefusedError: return True
    except OSError as error: return error.errno == errno.ECONNRESET
def all_of(targets):
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        return [target for target, yes in zip(targets, pool.map(reached, targets)) if yes]
if len(sys.argv) > 1:
    api, dns, host, others = json.loads(sys.argv[1])
    print(json.dumps([reached(api), reached(dns), all_of(host), all_of(others)]))
    sys.exit()
service = lambda *which: out("k3s", "kubectl", "get", "service", *which, "-o", "jsonpath={.spec.clusterIP}")
lines = out("ip", "-o", "-4", "address", "show").splitlines()
addresses = sorted({line.split()[3].split("/")[0] for line in lines} - {"127.0.0.1"})
ports = sorted({int(line.split()[3].rsplit(":", 1)[1]) for line in out("ss", "-Htln").splitlines()} | {22, 6443, 7410, 10250})
host = [(address, port) for address in addresses for port in ports]
allowed = out("wg", "show", "wg0", "allowed-ips").replace("\\t", " ").split()
peers = [word[:-3] for word in allowed if word.endswith("/32")]
others = [(peer, port) for peer in peers for port in (22, 9)] + [("169.254.169.254", 80)]
pods = sorted(glob.glob("/run/netns/cni-*"), key=os.path.getmtime)
if not pods: sys.exit("no pod has a network of its own")
question = json.dumps([(service("kubernetes"), 443), (service("-n", "kube-system", "kube-dns"), 53), host, others])
best = None
for pod in pods[:8]:
    answer = json.loads(out("nsenter", "--net=" + pod, "python3", __file__, question))
    if best is None or sum(answer[:2]) > sum(best[:2]): best = answer
    if answer[0] and answer[1]: break
named = lambda targets: [{"address": a, "port": p} for a, p in targets]
print(json.dumps({"pods": len(pods), "api": best[0], "dns": best[1], "asked": len(host), "host": named(best[2]), "others": named(best[3])}))`;

export const podView = piece<PodView>({
  nothing: withoutCluster,
  script: `set -e
program=$(mktemp)
trap 'rm -f "$program"' EXIT
cat > "$program" <<'EOF'
${ask}
EOF
python3 "$program"`,
  parse: (stdout) => view.parse(JSON.parse(stdout)),
});
