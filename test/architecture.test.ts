import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

test('the check of directions reads the code, and a wrong import fails it', () => {
  const wrong = `${root}src/kernel/wrong-${process.pid}`;
  mkdirSync(wrong);
  try {
    writeFileSync(
      `${wrong}/upwards.ts`,
      "import { exit } from '../errors.ts';\nimport '../../backup/schema.ts';\nexport { exit };\n",
    );
    const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', wrong];
    const output = execFileSync(`${root}node_modules/.bin/depcruise`, args, { cwd: root, encoding: 'utf8' });
    const { summary } = JSON.parse(output);
    expect(summary.violations.map(({ rule }: { rule: { name: string } }) => rule.name)).toContain(
      'kernel-knows-nothing-of-the-field',
    );
  } finally {
    rmSync(wrong, { recursive: true });
  }
});
