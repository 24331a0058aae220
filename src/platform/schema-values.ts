import { z } from 'zod';
import { parseDuration } from '../kernel/units.ts';
import { cronProblem } from './cron.ts';

/** Values that several sections of `platform.yaml` have. */

/** Parsed to milliseconds. */
export const duration = (example: string) =>
  z
    .string()
    .regex(/^(\d+(\.\d+)?(ms|s|m|h|d))+$/, `a duration such as ${example}`)
    .transform((text) => parseDuration(text) ?? 0);

export const cron = (what: string) =>
  z
    .string()
    .superRefine((text, context) => {
      const problem = cronProblem(text);
      if (problem) context.addIssue({ code: 'custom', message: problem });
    })
    .describe(`${what}: five-field cron expression in the platform's time zone, or \`off\``);
