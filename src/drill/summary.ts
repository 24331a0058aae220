import type { z } from 'zod';
import { drillReportSchema } from './schema.ts';

/** A drill report without its proof: what a list shows. A proof of many tables is large. */
export const drillSummarySchema = drillReportSchema.omit({ proof: true });
export type DrillSummary = z.infer<typeof drillSummarySchema>;
