import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { parsePlatform } from '../platform/load.ts';
import type { Artifact } from './mirror.ts';
import { clusterVariables } from './variables.ts';

const platform = parsePlatform('name: atelier\nenvironment: dev\ncluster: {}\n', 'platform.yaml');
const artifacts: Artifact[] = [
  { name: 'k3s', sha256: 'a'.repeat(64), from: { url: 'https://example.net/k3s' } },
  { name: 'images/pause.tar', sha256: 'b'.repeat(64), from: { file: '/srv/mirror/images/pause.tar' } },
];
const variables = platform.cluster ? clusterVariables(platform, platform.cluster, artifacts) : {};

test('the role is told exactly what its argument specification asks for', async () => {
  const specs = await readFile(new URL('../../ansible/roles/k3s/meta/argument_specs.yml', import.meta.url), 'utf8');
  expect(Object.keys(variables).sort()).toEqual(Object.keys(parse(specs).argument_specs.main.options).sort());
});

test('a file comes from the release, or from where the mirror’s files wait on the host', () => {
  expect(variables.k3s_downloads).toEqual([
    { dest: '/usr/local/bin/k3s', mode: '755', sha256: 'a'.repeat(64), url: 'https://example.net/k3s' },
    {
      dest: '/var/lib/rancher/k3s/agent/images/pause.tar',
      mode: '600',
      sha256: 'b'.repeat(64),
      url: `file:///var/lib/socle/artifacts/${'b'.repeat(64)}`,
    },
  ]);
});
