import type { Verb } from './verb.ts';

/** One line of the table of contents. The verb itself is loaded only when it is called. */
export interface Entry {
  readonly path: string;
  readonly summary: string;
  readonly load: () => Promise<{ readonly verb: Verb }>;
}

/** Everything that `socle` can do. */
export const contents: readonly Entry[] = [
  {
    path: 'demo',
    summary: 'back up, restore, prove, damage, and see the proof fail: all of it on a sample',
    load: () => import('./demo.ts'),
  },
  {
    path: 'init',
    summary: 'write a platform file and the secrets that it needs',
    load: () => import('./init.ts'),
  },
  { path: 'up', summary: 'make the host what the platform file says', load: () => import('./up.ts') },
  { path: 'plan', summary: 'what `socle up` would change', load: () => import('./plan.ts') },
  { path: 'upgrade', summary: 'bring the daemon of the host to this release', load: () => import('./upgrade.ts') },
  { path: 'uninstall', summary: 'take Socle off the host', load: () => import('./uninstall.ts') },
  { path: 'verify', summary: 'check the host from outside and inside', load: () => import('./verify.ts') },
  {
    path: 'kubeconfig',
    summary: 'what kubectl needs to reach the cluster, as a file',
    load: () => import('./kubeconfig.ts'),
  },
  {
    path: 'cluster snapshot save',
    summary: 'copy the cluster’s datastore, keys and certificates into the vault',
    load: () => import('./cluster-snapshot-save.ts'),
  },
  {
    path: 'cluster snapshot list',
    summary: 'the copies of the cluster in the vault, newest first',
    load: () => import('./cluster-snapshot-list.ts'),
  },
  {
    path: 'cluster restore',
    summary: 'bring a copy of the cluster back to a host',
    load: () => import('./cluster-restore.ts'),
  },
  { path: 'runs list', summary: 'the provisioning runs, newest first', load: () => import('./runs-list.ts') },
  { path: 'runs show', summary: 'what one run changed, and how it ended', load: () => import('./runs-show.ts') },
  {
    path: 'runs stats',
    summary: 'how many repeated runs changed nothing',
    load: () => import('./runs-stats.ts'),
  },
  {
    path: 'drift run',
    summary: 'compare the host with what its last run made, now',
    load: () => import('./drift-run.ts'),
  },
  {
    path: 'drift show',
    summary: 'the newest comparison of the host with its last run',
    load: () => import('./drift-show.ts'),
  },
  { path: 'status', summary: 'what is backed up, proven, failing, overdue', load: () => import('./status.ts') },
  { path: 'backup run', summary: 'back up a database', load: () => import('./backup-run.ts') },
  { path: 'backup list', summary: 'the backups, newest first', load: () => import('./backup-list.ts') },
  { path: 'backup show', summary: 'everything that is known of one backup', load: () => import('./backup-show.ts') },
  {
    path: 'backup verify',
    summary: 'check that what lies in the vault is there and reads',
    load: () => import('./backup-verify.ts'),
  },
  { path: 'backup prune', summary: 'remove what retention does not keep', load: () => import('./backup-prune.ts') },
  {
    path: 'backup release',
    summary: 'let retention decide about a backup that is held',
    load: () => import('./backup-release.ts'),
  },
  {
    path: 'backup reindex',
    summary: 'rebuild the catalog from the vault alone',
    load: () => import('./backup-reindex.ts'),
  },
  {
    path: 'drill run',
    summary: 'restore a backup onto an empty server and prove it',
    load: () => import('./drill-run.ts'),
  },
  { path: 'drill list', summary: 'the drills, newest first', load: () => import('./drill-list.ts') },
  {
    path: 'drill show',
    summary: 'the report of one drill, as text or as a page',
    load: () => import('./drill-show.ts'),
  },
  { path: 'restore', summary: 'restore a backup into a database of yours', load: () => import('./restore.ts') },
  { path: 'vault init', summary: 'create the vault', load: () => import('./vault-init.ts') },
  {
    path: 'vault check',
    summary: 'check the structure of the vault, and read it where asked',
    load: () => import('./vault-check.ts'),
  },
  { path: 'vault copy', summary: 'copy what the second vault lacks', load: () => import('./vault-copy.ts') },
  { path: 'vault unlock', summary: 'remove locks of processes that are gone', load: () => import('./vault-unlock.ts') },
  {
    path: 'vault key add',
    summary: 'add a second key to the vault, for the recovery kit',
    load: () => import('./vault-key-add.ts'),
  },
  {
    path: 'kit create',
    summary: 'what brings you back, for a place off the host',
    load: () => import('./kit-create.ts'),
  },
  {
    path: 'kit confirm',
    summary: 'open the vault with the kit and read its newest backup',
    load: () => import('./kit-confirm.ts'),
  },
  {
    path: 'kit status',
    summary: 'whether a kit was made, and has opened the vault',
    load: () => import('./kit-status.ts'),
  },
  { path: 'kit host', summary: 'what the host tells of its vaults, for the kit', load: () => import('./kit-host.ts') },
  {
    path: 'database grant',
    summary: 'print the SQL for the role that takes backups',
    load: () => import('./database-grant.ts'),
  },
  {
    path: 'database check',
    summary: 'see whether a backup would work, and what it could not read',
    load: () => import('./database-check.ts'),
  },
  { path: 'serve', summary: 'run the daemon: schedules, probes, API', load: () => import('./serve.ts') },
  { path: 'config check', summary: 'check the platform file', load: () => import('./config-check.ts') },
  {
    path: 'config schema',
    summary: 'print the JSON Schema of the platform file',
    load: () => import('./config-schema.ts'),
  },
  {
    path: 'config openapi',
    summary: 'print the OpenAPI document of the API',
    load: () => import('./config-openapi.ts'),
  },
  {
    path: 'operations list',
    summary: 'who did what, when, and how it ended',
    load: () => import('./operations-list.ts'),
  },
  { path: 'sandbox up', summary: 'boot a throw-away Debian', load: () => import('./sandbox-up.ts') },
  { path: 'sandbox list', summary: 'the throw-away machines that run', load: () => import('./sandbox-list.ts') },
  { path: 'sandbox ssh', summary: 'a shell on a throw-away machine', load: () => import('./sandbox-ssh.ts') },
  {
    path: 'sandbox reset',
    summary: 'the button of its console: boot it again',
    load: () => import('./sandbox-reset.ts'),
  },
  { path: 'sandbox down', summary: 'end a throw-away machine', load: () => import('./sandbox-down.ts') },
  { path: 'secret keygen', summary: 'make an age key pair', load: () => import('./secret-keygen.ts') },
  { path: 'secret set', summary: 'set one value of a SOPS document', load: () => import('./secret-set.ts') },
  { path: 'secret get', summary: 'print one value of a SOPS document', load: () => import('./secret-get.ts') },
  { path: 'secret edit', summary: 'edit a SOPS document', load: () => import('./secret-edit.ts') },
  { path: 'secret list', summary: 'the names in a SOPS document', load: () => import('./secret-list.ts') },
  { path: 'secret rotate', summary: 'a new data key, or other recipients', load: () => import('./secret-rotate.ts') },
  { path: 'vpn add', summary: 'a new peer, in the platform file', load: () => import('./vpn-add.ts') },
  { path: 'vpn list', summary: 'the peers of the platform file', load: () => import('./vpn-list.ts') },
  { path: 'vpn revoke', summary: 'take a peer out of the platform file', load: () => import('./vpn-revoke.ts') },
  { path: 'vpn config', summary: 'the WireGuard file of a peer', load: () => import('./vpn-config.ts') },
  { path: 'vpn qr', summary: 'the same as a QR code', load: () => import('./vpn-qr.ts') },
  { path: 'vpn status', summary: 'the peers as the host sees them', load: () => import('./vpn-status.ts') },
  { path: 'version', summary: 'versions of Socle and of what it runs with', load: () => import('./version.ts') },
];

/** What the first words of a command line are about. */
export const groups: Readonly<Record<string, string>> = {
  backup: 'take and look after backups',
  drill: 'restore onto an empty server and prove it',
  vault: 'the restic repository that holds the backups',
  key: 'keys that open the vault',
  kit: 'the recovery kit: what brings you back when the host is gone',
  cluster: 'copies of the cluster: its datastore, keys and certificates',
  snapshot: 'copies of the cluster in the vault',
  database: 'what Socle needs in a database',
  config: 'the platform file',
  operations: 'the audit trail',
  sandbox: 'throw-away Debian machines, for tests and for trying things out',
  runs: 'what provisioning did on the host, and who asked for it',
  drift: 'what on the host is not as its last run made it',
  vpn: 'WireGuard peers: who reaches the host and its services',
  secret: 'SOPS documents, encrypted with age: what sops and Flux read',
};
