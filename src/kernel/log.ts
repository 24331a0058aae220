import { pino } from 'pino';

/** Structured log on standard error; level by `SOCLE_LOG` (default `info`). */
export type Log = ReturnType<typeof createLog>;

export function createLog(level = process.env.SOCLE_LOG ?? 'info') {
  // A log that cannot be written, such as into a full disk or a closed pipe, ends nothing.
  const destination = pino.destination({ dest: 2, sync: true });
  destination.on('error', () => {});
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['password', '*.password', 'headers.authorization', 'req.headers'], censor: '[secret]' },
    },
    destination,
  );
}
