import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Long tests (`*.long.test.ts`, `test/e2e`) run only with SOCLE_LONG=1, which `make test-long` sets. */
const long = process.env.SOCLE_LONG === '1';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts', 'bench/**/*.test.ts'],
    exclude: long ? [] : ['**/*.long.test.ts', 'test/e2e/**'],
    // Most tests take seconds; a machine that does other work on its two cores makes minutes of them.
    testTimeout: long ? 1_800_000 : 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: Math.max(2, availableParallelism()),
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/tally.ts'],
  },
});
