import { type IntoReport, restoreInto } from '../drill/restore-into.ts';
import { exit, fail } from '../kernel/errors.ts';
import { formatDuration } from '../kernel/units.ts';
import type { ConnectionConfig, Platform } from '../platform/schema.ts';
import { notCompared, proofText } from './drill-text.ts';
import { flag, required, text, type Values, wholeOrNone } from './options.ts';
import { bad, good, warn } from './paint.ts';
import { pairs } from './table.ts';
import { verb as define } from './verb.ts';
import type { When } from './when.ts';

const options = {
  into: required('<target>', 'name of the database to restore into; it is made when it is not there'),
  database: text('--database <name>', 'whose newest good backup (needed when there are several)'),
  backup: text('--backup <id>', 'which backup (default: the newest good one)'),
  host: text('--host <host>', "server to restore onto: socket directory, name or address (default: the source's)"),
  port: wholeOrNone('--port <port>', "its port (default: the source's)"),
  user: text('--user <role>', 'role to restore as: a superuser, as for pg_restore (default: postgres)'),
  passwordFile: text('--password-file <file>', 'file with its password'),
  schema: text('--schema <name>', 'only this schema'),
  table: text('--table <name>', 'only this table (with --schema)'),
  roles: flag('--roles', 'create roles of the source that are missing, with their properties'),
  salvage: flag('--salvage', 'go on after errors, and list what failed'),
  incomplete: flag('--incomplete', 'a backup that lacks something will do: restore what it has, name what it lacks'),
  intoNonEmpty: flag('--into-non-empty', 'restore into a database that holds something already'),
  showValues: flag('--show-values', 'values of rows may stand in the report'),
};

/** `socle restore` */
export const verb = define({
  options,
  examples: [
    'socle restore shop_restored --database shop',
    'socle restore shop --backup b-20261122t021500z-4f9c1a --host /run/postgresql --roles',
    'socle restore shop_rest --backup b-20261122t021500z-4f9c1a --incomplete --salvage',
    'socle restore shop_part --database shop --schema sales --table orders --json',
  ],
  about:
    'Restores a backup into an empty database of a server of yours, and proves the result there like a drill.\n' +
    'Exit code 0: proven; 3: restored, and not identical; 4: refused, such as a target that is not empty.',
  async run(values, session) {
    const { actor, clock, progress, signal } = session;
    const [platform, db, vault] = [await session.platform(), await session.state(), await session.vault()];
    if (values.table !== undefined && values.schema === undefined) {
      throw fail('usage', `--table ${values.table} needs the schema that it is in`, { next: 'add --schema <name>' });
    }
    const { database, backup, schema, table, roles, salvage, intoNonEmpty, showValues, incomplete } = values;
    const selection = { ...(schema === undefined ? {} : { schema }), ...(table === undefined ? {} : { table }) };
    const target = targetOf(platform, values);
    const report = await restoreInto(
      { platform, database, backup, target, selection, roles, salvage, intoNonEmpty, showValues, incomplete, actor },
      { db, vault, clock, progress, signal },
    );
    const when = await session.when();
    return { data: report, text: () => reportText(report, when), exit: report.proven ? exit.ok : exit.notProven };
  },
});

/** The server of the source unless another one is named, and a role that may restore. */
function targetOf({ databases }: Platform, values: Values<typeof options>): ConnectionConfig {
  const source = (databases.find(({ name }) => name === values.database) ?? databases[0])?.connection;
  const host = values.host ?? source?.host;
  if (host === undefined) throw fail('usage', 'the platform file has no database: name the server with --host');
  return {
    host,
    port: values.port ?? source?.port ?? 5432,
    database: values.into,
    user: values.user ?? 'postgres',
    ...(values.passwordFile === undefined ? {} : { password: { file: values.passwordFile } }),
    tls: source?.tls ?? { mode: 'disable' },
  };
}

function resultText({ proven, failed, proof, missing }: IntoReport): string {
  if (missing.length > 0) return warn('restored what the backup has; it is incomplete, and nothing is proven of it');
  if (proven) return good(`proven: ${proof.level?.replaceAll('-', ' ') ?? 'restored'}`);
  if (proof.differencesTotal > 0) return bad('not identical');
  return warn(`identical, but ${failed.length} of its statements failed and were passed over`);
}

/** The report for the terminal; times are told by `when`. */
export function reportText(report: IntoReport, when: When): string {
  const { target, timings, failed } = report;
  const facts = pairs([
    ['restored', `${report.backup} of ${when(report.backupAt)}`],
    ['into', `${target.database} on ${target.host}:${target.port}${target.created ? ' (made)' : ''}`],
    ['result', resultText(report)],
    ['not compared', notCompared(report.proof)],
    [
      'took',
      `fetch ${formatDuration(timings.fetch)}, restore ${formatDuration(timings.restore)}, proof ${formatDuration(timings.proof)}`,
    ],
    ['failed', failed.length > 0 ? warn(failed.map(({ message }) => message).join('\n')) : null],
    ['missing', report.missing.length > 0 ? bad(report.missing.join('\n')) : null],
    ['notes', [...report.notes, ...report.proof.notes].join('\n') || null],
  ]);
  return [facts, ...proofText(report.proof, false)].join('\n\n');
}
