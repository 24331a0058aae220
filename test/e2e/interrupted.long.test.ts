import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silent } from '../../src/kernel/progress.ts';
import { bootMachine, removeMachine } from '../../src/sandbox/machine.ts';
import { addresses } from '../../src/sandbox/names.ts';
import { answerOf, Operator } from '../support/operator.ts';
import { until } from '../support/until.ts';

const installed = (tool: string) => ['/usr/bin', '/usr/sbin'].some((place) => existsSync(join(place, tool)));
const missing = ['nft'].filter((tool) => !installed(tool));
const why = userInfo().uid !== 0 ? '(needs root)' : missing.length > 0 ? `(SKIPPED: there is no ${missing})` : '';

const here = addresses.host.v4;

/** After how many tasks of a run, and what happens then; the third task installs packages. The last two let it go on. */
const rounds = [
  [2, 'Ansible is killed'],
  [2, 'the host reboots'],
  [3, 'Ansible is killed'],
  [4, 'Ansible is killed'],
  [4, 'the host reboots'],
  [6, 'Ansible is killed'],
  [7, 'Ansible is killed'],
  [8, 'the host reboots'],
  [8, 'Ansible is killed'],
  [9, 'Ansible is killed'],
  [9, 'the host reboots'],
  [3, 'the command is killed'],
  [7, 'the network is cut'],
] as const;

/** Every file of the system's own settings with its mode, owner and content, the packages, and what starts with the host. */
const fingerprint = `cd /
find etc usr/local -xdev -type f ! -name machine-id ! -name private.key ! -name '*-' ! -name '.*' ! -path 'etc/ssh/ssh_host_*' \\
  ! -name hostname ! -name hosts ! -name ld.so.cache -exec stat -c '%a %U %G %n' {} + -exec sha256sum {} + | sort
find etc -type l -printf '%p %l\\n' | sort
dpkg-query -W -f '\${Package} \${Status}\\n'
nft list table inet socle
systemctl --failed --no-legend`;

/** Waits on the host itself until the run has come so far: a log-in takes longer than a task. */
const onceDone = (
  tasks: number,
  runsBefore: number,
) => `newest() { ls /var/lib/socle/runs/*.request.json 2>/dev/null | sort | sed -n '${runsBefore + 1}s/.request.json$/.jsonl/p'; }
until file=$(newest); [ -n "$file" ] && [ "$(grep -cs '"event": "result"' "$file")" -ge ${tasks} ]; do sleep 0.02; done`;

const kill = 'systemctl kill --signal=KILL socle-run.service';
// Without force it is refused while apt-get installs.
const reboot = 'systemctl reboot --force';

describe.skipIf(why !== '')(`runs that are interrupted on a throw-away Debian 13 ${why}`, () => {
  const names = { cut: 'test-cut', whole: 'test-whole' } as const;
  const operators: Record<string, Operator> = {};

  async function boot(name: string): Promise<Operator> {
    const directory = await mkdtemp(join(tmpdir(), 'socle-cut-'));
    const operator = new Operator(await bootMachine({ name, release: 13 }, silent), directory);
    operators[name] = operator;
    const file = `name: t\nenvironment: dev\nhost: {address: ${here}}\nfirewall: {ssh: public}\n`;
    await writeFile(join(directory, 'platform.yaml'), file);
    return operator;
  }

  beforeAll(async () => {
    await boot(names.cut);
  }, 600_000);
  afterAll(async () => {
    for (const [name, { directory }] of Object.entries(operators)) {
      await removeMachine(name);
      await rm(directory, { recursive: true, force: true });
    }
  });

  test.each(rounds)('after %i tasks %s', async (tasks, what) => {
    const operator = operators[names.cut] as Operator;
    const before = operator.runsStarted();
    const then = (command: string) => `${onceDone(tasks, before)}\n${command}`;
    const interrupting =
      what === 'Ansible is killed'
        ? operator.on(then(kill), here, 300_000).then(({ exitCode }) => expect(exitCode).toBe(0))
        : what === 'the host reboots'
          ? operator.reboot(here, 300, then(reboot))
          : undefined;
    const upping = operator.startSocle('up', ...(await operator.login()));
    const answer = answerOf(upping).catch(() => ({ exitCode: 137, answer: undefined }));
    const reached = () => operator.runsStarted() > before && operator.tasksDone() >= tasks;
    await until(`${tasks} tasks`, reached, 300);
    if (interrupting) await interrupting;
    else if (what === 'the command is killed') upping.kill('SIGKILL');
    else {
      await operator.exec('ip', ['link', 'set', 'host', 'down'], 'wan');
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      await operator.exec('ip', ['link', 'set', 'host', 'up'], 'wan');
    }
    const { exitCode } = await answer;
    const expected = { 'the command is killed': 137, 'the network is cut': 0 }[what as string] ?? 69;
    expect(exitCode).toBe(expected);
    const idle = async () => (await operator.on('systemctl is-active socle-run')).stdout !== 'active';
    await until('the run is over', idle, 300);
  });

  test('the next run completes, the one after it changes nothing, and all is as on a machine that was left in peace', async () => {
    const cut = operators[names.cut] as Operator;
    const login = await cut.login();
    expect(await cut.socle('up', ...login)).toMatchObject({ exitCode: 0, answer: { record: { failed: [] } } });
    expect(await cut.socle('up', ...login)).toMatchObject({ exitCode: 0, answer: { record: { changed: [] } } });
    const whole = await boot(names.whole);
    expect(await whole.socle('up', ...(await whole.login()))).toMatchObject({ exitCode: 0 });
    const [one, other] = await Promise.all([cut.on(fingerprint), whole.on(fingerprint)]);
    expect(one.stdout.length).toBeGreaterThan(10_000);
    expect(one.stdout.split('\n')).toEqual(other.stdout.split('\n'));
  });
});
