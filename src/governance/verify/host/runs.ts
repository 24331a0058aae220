import { z } from 'zod';
import { type RunRecord, recordsScript, runRecord } from '../../../host/records.ts';
import { piece } from './piece.ts';

/** The provisioning runs on record, newest first. */
export const runs = piece<readonly RunRecord[]>({
  script: recordsScript,
  parse: (stdout) => z.array(runRecord).parse(JSON.parse(stdout)),
});
