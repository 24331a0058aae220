import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAsText } from '../cli/run-text.ts';
import { ownFile } from '../kernel/place.ts';
import { run } from '../kernel/process.ts';
import { runRecord } from './records.ts';

const why = existsSync('/usr/bin/ansible-playbook') ? '' : '(SKIPPED: there is no ansible-playbook)';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'socle-events-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test.skipIf(why !== '')(`a failed download, one of several, tells its own address and why ${why}`, async () => {
  // Nothing listens on port 1, and no name below `.invalid` has an address (RFC 2606).
  const items = ['http://127.0.0.1:1/k3s', 'http://mirror.invalid/images.tar'];
  const play = [
    {
      hosts: 'all',
      gather_facts: false,
      tasks: [
        {
          name: 'Fetch the program and its images',
          'ansible.builtin.get_url': { url: '{{ item }}', dest: join(directory, 'file'), timeout: 5 },
          loop: items,
        },
      ],
    },
  ];
  await writeFile(join(directory, 'play.yml'), JSON.stringify(play));
  const env = {
    SOCLE_EVENTS: join(directory, 'events'),
    ANSIBLE_CONFIG: ownFile('ansible/ansible.cfg'),
    HOME: directory,
    PATH: `/usr/bin:${process.env.PATH}`,
    LC_ALL: 'C.UTF-8',
  };
  const args = ['-i', 'localhost,', '-c', 'local', join(directory, 'play.yml')];
  await run('ansible-playbook', args, { env, cwd: directory, accept: [2], timeout: 60_000 });
  const events = (await readFile(env.SOCLE_EVENTS, 'utf8')).trim().split('\n');
  const failed = events.map((line) => JSON.parse(line)).filter(({ status }) => status === 'failed');
  expect(failed).toHaveLength(1);
  expect(failed[0].message).toMatch(/127\.0\.0\.1:1\/k3s: .*refused/i);
  expect(failed[0].message).toMatch(/mirror\.invalid.*(not known|resolution|no address)/i);
});

const record = {
  ...{ id: 'r-1', status: 'done', check: false, only: ['network'], revision: null, actor: 'cli:me', key: null },
  ...{
    startedAt: '2026-12-01T00:00:00Z',
    endedAt: '2026-12-01T00:00:09Z',
    seconds: 9,
    tasks: 3,
    changed: [],
    failed: [],
    roles: {},
  },
};

test('what this machine changed beside the roles is in the record of the run', async () => {
  await writeFile(join(directory, 'r-1.request.json'), '{"id": "r-1", "started": 1}');
  await writeFile(join(directory, 'r-1.json'), JSON.stringify(record));
  const note = [ownFile('ansible/host/socle-run'), 'changed', 'r-1', 'Load the firewall', 'Send the secret a'];
  const { stdout } = await run('python3', note, { env: { PATH: process.env.PATH, SOCLE_RUNS: directory } });
  expect(runRecord.parse(JSON.parse(stdout)).changed.map(({ task }) => task)).toEqual(note.slice(3));
  expect(JSON.parse(await readFile(join(directory, 'r-1.json'), 'utf8'))).toEqual(JSON.parse(stdout));
});

test('`runs show` keeps what a task that failed said, and what is not ours', () => {
  const failed = [{ role: 'k3s', task: 'Fetch', status: 'failed', seconds: 1, message: 'http://a/k3s: refused' }];
  const where = '/etc/systemd/system/socle.service.d/x.conf';
  const deviations = [{ role: 'drift', what: 'drop-in', where, expected: 'absent', found: 'User=root', foreign: true }];
  const text = runAsText(runRecord.parse({ ...record, status: 'failed', failed, deviations }), (at) => at);
  expect(text).toContain('k3s: Fetch\nhttp://a/k3s: refused');
  expect(text).toContain('not Socle’s');
  expect(text).toContain('host.known_files');
});
