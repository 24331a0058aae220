import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { until } from '../../test/support/until.ts';
import { start } from '../kernel/process.ts';

const program = fileURLToPath(new URL('../../ansible/host/socle-run', import.meta.url));

test('who follows a run on a slow host leaves the host’s time to the run', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'socle-follow-'));
  const at = (name: string) => join(directory, name);
  // systemd, as it answers on a host that has much to do: in 0.3 s.
  const systemctl = `#!/bin/sh
echo asked >> ${at('asked')}
sleep 0.3
if [ -e ${at('ended')} ]; then echo inactive; else echo active; fi
`;
  await writeFile(at('systemctl'), systemctl);
  await chmod(at('systemctl'), 0o755);
  await writeFile(at('r-1.request.json'), '{"id": "r-1", "started": 1}');
  await writeFile(at('r-1.jsonl'), '{"event": "task"}\n');
  const began = performance.now();
  const env = { PATH: `${directory}:${process.env.PATH}`, SOCLE_RUNS: directory };
  const following = start('python3', [program, 'follow', 'socle-run.service', 'r-1', '0'], { env });
  let printed = '';
  following.stdout?.on('data', (chunk) => {
    printed += chunk;
  });
  following.stderr?.resume();
  try {
    const asked = async () => (await readFile(at('asked'), 'utf8').catch(() => '')).split('\n').length - 1;
    await until('systemd was asked for the third time', async () => (await asked()) === 3);
    // Twice 0.3 s of asking, and four times as much of not asking.
    expect(performance.now() - began).toBeGreaterThan(2_900);
    await writeFile(at('r-1.json'), '{"status": "done"}');
    await writeFile(at('ended'), '');
    expect(await following.ended).toMatchObject({ exitCode: 0 });
    expect(printed).toBe('{"event": "task"}\n{"record": {"status": "done"}}\n');
  } finally {
    following.kill('SIGKILL');
    await following.ended;
    await rm(directory, { recursive: true, force: true });
  }
});
