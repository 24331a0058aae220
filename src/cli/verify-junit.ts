import { asJunit, unfinishedJunit } from '../governance/verify/junit.ts';
import type { VerifyReport } from '../governance/verify/verify.ts';
import { asSocleError, fail } from '../kernel/errors.ts';
import { replaceFile } from '../kernel/replace-file.ts';

/**
 * The report of the checks, and the same as JUnit XML in a file. Until there is one, and where there is none in the end, the
 * file says so: one from before would stand for checks that were not made.
 * @throws `usage` when the file cannot be written, before anything is looked at; and what `look` throws
 */
export async function withJunit(file: string, look: () => Promise<VerifyReport>): Promise<VerifyReport> {
  const write = (xml: string) =>
    replaceFile(file, xml, { mode: 0o644 }).catch((error: NodeJS.ErrnoException) => {
      throw fail('usage', `${file} cannot be written (${error.code})`);
    });
  await write(unfinishedJunit('they were begun, and did not end'));
  try {
    const report = await look();
    await write(asJunit(report));
    return report;
  } catch (error) {
    // Where even that fails, it says what it said since the beginning.
    await write(unfinishedJunit(asSocleError(error).message)).catch(() => {});
    throw error;
  }
}
