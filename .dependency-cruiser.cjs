/** Dependencies point one way: cli, api, daemon -> the domain folders -> kernel. */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'kernel-knows-nothing-of-the-field',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { path: '^src/(?!kernel/)' },
    },
    {
      name: 'domain-does-not-know-its-users',
      severity: 'error',
      from: {
        path: '^src/(platform|database|backup|drill|observability|governance|demo|host|release|vpn|cluster|sandbox|secrets|setup|recovery)/',
        pathNot: '\\.test\\.ts$',
      },
      to: { path: '^src/(cli|api|daemon)/' },
    },
    {
      name: 'platform-knows-the-kernel-only',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: { path: '^src/(?!kernel/|platform/)' },
    },
    {
      name: 'vpn-knows-the-platform-only',
      severity: 'error',
      from: { path: '^src/vpn/' },
      to: { path: '^src/(?!kernel/|platform/|vpn/)' },
    },
    {
      name: 'cluster-knows-the-platform-and-the-vpn',
      severity: 'error',
      from: { path: '^src/cluster/' },
      to: { path: '^src/(?!kernel/|platform/|vpn/|cluster/)' },
    },
    {
      name: 'host-knows-what-it-provisions',
      severity: 'error',
      from: { path: '^src/host/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(?!kernel/|platform/|vpn/|cluster/|secrets/|release/|host/)' },
    },
    {
      name: 'release-knows-the-kernel-only',
      severity: 'error',
      from: { path: '^src/release/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(?!kernel/|release/)' },
    },
    {
      name: 'setup-knows-what-it-writes',
      severity: 'error',
      from: { path: '^src/setup/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(?!kernel/|platform/|vpn/|secrets/|setup/)' },
    },
    {
      name: 'database-knows-neither-backup-nor-drill',
      severity: 'error',
      from: { path: '^src/database/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/(backup|drill|observability|governance)/' },
    },
    {
      name: 'backup-does-not-know-drill',
      severity: 'error',
      from: { path: '^src/backup/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/drill/' },
    },
    {
      name: 'product-does-not-know-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { path: '(^test/|^bench/|\\.test\\.ts$)' },
    },
    {
      name: 'product-uses-product-dependencies',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
