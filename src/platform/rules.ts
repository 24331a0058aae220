import { type Problem, pathText } from './explain.ts';
import { type Finding, field } from './finding.ts';
import { isOnThisHost } from './off-host.ts';
import { clusterChecks } from './rules-cluster.ts';
import { hostChecks } from './rules-host.ts';
import { opsChecks } from './rules-ops.ts';
import { podChecks } from './rules-pods.ts';
import { portChecks } from './rules-ports.ts';
import { textChecks } from './rules-text.ts';
import { localOnlySentence } from './schema.ts';
import type { YamlSource } from './yaml-source.ts';

/**
 * Rules between fields. They read the file as it was written, valid or not, so that one run tells everything that is
 * wrong with it.
 */
export function crossChecks(source: YamlSource): Problem[] {
  const file = source.value;
  return [
    ...uniqueDatabases(file),
    ...drillNeedsBackup(file),
    ...productionOffHost(file),
    ...noPasswords(file),
    ...hostChecks(file),
    ...clusterChecks(file),
    ...podChecks(file),
    ...opsChecks(file),
    ...portChecks(file),
    ...textChecks(file),
  ].map(({ path, ...rest }) => ({
    ...source.position(path),
    path: pathText(path),
    ...rest,
  }));
}

function uniqueDatabases(file: unknown): Finding[] {
  const databases = field(file, 'databases');
  if (!Array.isArray(databases)) return [];
  const seen = new Map<unknown, number>();
  return databases.flatMap((database, index) => {
    const name = field(database, 'name');
    const first = seen.get(name);
    if (typeof name !== 'string' || first === undefined) {
      seen.set(name, index);
      return [];
    }
    return [
      { path: ['databases', index, 'name'], message: `databases[${first}] is already called ${JSON.stringify(name)}` },
    ];
  });
}

function drillNeedsBackup(file: unknown): Finding[] {
  if (field(file, 'drill') === undefined || field(file, 'backup') !== undefined) return [];
  return [{ path: ['drill'], message: 'a drill restores backups, and there is no `backup` section' }];
}

function productionOffHost(file: unknown): Finding[] {
  const backup = field(file, 'backup');
  if (field(file, 'environment') !== 'prod' || backup === undefined) return [];
  const repositories = ['vault', 'copy'].map((key) => field(field(backup, key), 'repository'));
  const written = repositories.filter((repository) => typeof repository === 'string');
  if (written.length === 0 || written.some((repository) => !isOnThisHost(repository))) return [];
  if (field(backup, 'local_only') === localOnlySentence) return [];
  return [
    {
      path: ['backup', 'vault', 'repository'],
      message: 'a production platform keeps its backups on this host alone: they are lost when it is lost',
      allowed: `a vault or a copy elsewhere (sftp:, rest:, s3:), or in so many words \`backup.local_only: "${localOnlySentence}"\``,
    },
  ];
}

/** MO-5: the platform file is kept in Git. */
function noPasswords(file: unknown): Finding[] {
  return ['vault', 'copy'].flatMap((key) => {
    const repository = field(field(field(file, 'backup'), key), 'repository');
    if (typeof repository !== 'string' || !/:\/\/[^/@:]*:[^/@]+@/.test(repository)) return [];
    return [
      {
        path: ['backup', key, 'repository'],
        message: 'a password stands in the address: this file is no place for secrets',
        allowed: `the address alone, and \`environment: {RESTIC_REST_USERNAME: …, RESTIC_REST_PASSWORD: …}\` beside it, each from a file or a command`,
      },
    ];
  });
}
