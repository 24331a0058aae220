import { asFormat } from '../../database/inventory-format.ts';
import type { Inventory } from '../../database/inventory-schema.ts';
import { asSocleError, SocleError } from '../../kernel/errors.ts';
import type { Proof } from '../schema.ts';
import { compareObjects, type ObjectDifference } from './compare-inventory.ts';
import type { Completed } from './completed.ts';
import type { Differences } from './differences.ts';
import {
  foreignRoles,
  isAboutForeignRole,
  isRespelled,
  isSecret,
  maySpellOtherwise,
  notCarried,
  serverNotes,
} from './legitimate.ts';
import type { Rebuilt } from './rebuild.ts';
import { piecesOnlyIn, type SchemaPiece } from './schema-text.ts';

export interface SchemaSides {
  readonly source: Inventory;
  readonly copy: Inventory;
  /** What pg_restore prints of the archive, and pg_dump of the copy. */
  readonly archived: readonly SchemaPiece[];
  readonly dumped: readonly SchemaPiece[];
  /** The value of a setting may be a secret. */
  readonly showValues: boolean;
  /** Rebuilds the artifact's schema; called only where something differs in text, and once more when it fails. */
  readonly rebuild: () => Promise<Completed<Rebuilt>>;
}

export interface SchemaResult {
  readonly respelled: Proof['respelled'];
  readonly notes: readonly string[];
  /** Objects of the source that the copy has not. */
  readonly missing: number;
}

/**
 * Compares every object of the source with the copy's, and, as a second opinion, the text of the whole schema. Text that
 * differs is judged by the artifact's schema rebuilt in an empty database.
 * @throws what the rebuilding says when it fails, and nothing else was found that differs: a difference of text alone is
 *   none before it was judged
 */
export async function compareSchema(sides: SchemaSides, differences: Differences): Promise<SchemaResult> {
  const { source, copy, archived, dumped } = sides;
  const notes = serverNotes(source.server, copy.server);
  const foreign = foreignRoles(source, copy);
  if (foreign.size > 0)
    notes.push(`the server of the copy also has roles of its own: ${[...foreign].sort().join(', ')}`);
  const found: ObjectDifference[] = [];
  for (const difference of compareObjects(source.objects, asFormat(copy.objects, source.format))) {
    const note = notCarried(difference);
    if (note !== null) notes.push(note);
    else if (!isAboutForeignRole(difference, foreign)) found.push(difference);
  }
  const textDiffers = piecesOnlyIn(archived, dumped).length + piecesOnlyIn(dumped, archived).length > 0;
  let rebuilt: Rebuilt | undefined;
  let unjudged = false;
  if (textDiffers || found.some(maySpellOtherwise)) {
    const result = await twice(sides.rebuild);
    unjudged = result instanceof SocleError;
    if (result instanceof SocleError) {
      if (differences.total === 0 && found.every(maySpellOtherwise)) throw result;
      notes.push(
        `definitions were not compared word by word, since the artifact's schema could not be rebuilt: ${result.message}`,
      );
    } else rebuilt = result.value;
  }
  const respelled = new Map<string, Proof['respelled'][number]>();
  const real: ObjectDifference[] = [];
  for (const difference of found) {
    const { kind, object } = difference;
    if (unjudged && maySpellOtherwise(difference)) continue;
    if (rebuilt && isRespelled(difference, rebuilt.objects)) respelled.set(`${kind} ${object}`, { kind, object });
    else real.push(difference);
  }
  for (const { expected, found: is, ...difference } of real) {
    const values =
      !isSecret(difference.kind, difference.property) && (difference.kind !== 'setting' || sides.showValues);
    differences.add({ ...difference, ...(values ? { expected: shown(expected), found: shown(is) } : {}) });
  }
  // The text can name what the inventory does not look at; where that has found something, it would only say it again.
  if (textDiffers && real.length === 0 && !unjudged) {
    const expected = rebuilt?.pieces ?? archived;
    const missing = piecesOnlyIn(expected, dumped);
    const extra = piecesOnlyIn(dumped, expected);
    for (const piece of missing)
      differences.add(textDifference(piece, extra.some(same(piece)) ? 'changed' : 'missing'));
    for (const piece of extra) {
      if (!missing.some(same(piece))) differences.add(textDifference(piece, 'extra'));
    }
    if (rebuilt && missing.length + extra.length === 0 && respelled.size === 0) {
      for (const { kind, object } of piecesOnlyIn(dumped, archived))
        respelled.set(`${kind} ${object}`, { kind, object });
    }
  }
  return {
    respelled: [...respelled.values()],
    notes,
    missing: real.filter(({ problem }) => problem === 'missing').length,
  };
}

/** A program that was killed, or ran out of something, may come through the second time. */
async function twice(rebuild: SchemaSides['rebuild']): Promise<Completed<Rebuilt> | SocleError> {
  for (let again = false; ; again = true) {
    try {
      return await rebuild();
    } catch (error) {
      const failure = asSocleError(error);
      if (failure.code === 'interrupted') throw failure;
      if (again) return failure;
    }
  }
}

const same = (a: SchemaPiece) => (b: SchemaPiece) => a.kind === b.kind && a.object === b.object;

function textDifference({ kind, object }: SchemaPiece, problem: ObjectDifference['problem']) {
  return { kind: 'schema text', object: `${kind} ${object}`, problem, property: 'as pg_dump prints it' };
}

/** Definitions may be long: their beginning says which it is. */
function shown(value: ObjectDifference['expected']): string | null {
  return value === null ? null : String(value).slice(0, 1_000);
}
