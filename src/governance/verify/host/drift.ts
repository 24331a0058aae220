import { type DriftReport, driftReportSchema, reportFile } from '../../../host/drift-report.ts';
import { piece } from './piece.ts';

/** The newest comparison of the host with its last run; null when there was none. */
export const drift = piece<DriftReport | null>({
  script: `if test -e ${reportFile}; then cat ${reportFile}; else echo null; fi`,
  parse: (stdout) => driftReportSchema.nullable().parse(JSON.parse(stdout)),
});
