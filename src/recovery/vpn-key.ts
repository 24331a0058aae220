/** Where a host has its private key of the VPN: with it, the files of all peers hold again on the next host. */
export const hostVpnKey = '/etc/socle/wireguard/private.key';
