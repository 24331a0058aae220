import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { Secret } from '../kernel/secret.ts';

/** What K3s writes for its administrator, as far as we look into it. */
const document = z.looseObject({
  clusters: z.tuple([z.object({ cluster: z.looseObject({ server: z.url() }) })]),
  users: z.tuple([z.object({ user: z.looseObject({}) })]),
});

/**
 * The administrator's kubeconfig as the operator uses it: under the platform's name, so that it can be merged with
 * others, and with the address that the API has in the VPN.
 */
export function operatorKubeconfig(text: string, platform: string, address: string): Secret {
  const [{ cluster }, { user }] = ((found) => [found.clusters[0], found.users[0]] as const)(
    document.parse(parse(text)),
  );
  const server = new URL(cluster.server);
  server.hostname = address;
  return new Secret(
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': platform,
      contexts: [{ name: platform, context: { cluster: platform, user: platform } }],
      clusters: [{ name: platform, cluster: { ...cluster, server: server.origin } }],
      users: [{ name: platform, user }],
    }),
  );
}
