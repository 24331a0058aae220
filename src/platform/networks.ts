/** The networks inside the cluster: K3s' own defaults. Peers of the VPN route the first, nobody outside reaches either. */
export const clusterNetworks = { services: '10.43.0.0/16', pods: '10.42.0.0/16' } as const;
