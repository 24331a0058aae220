import { join } from 'node:path';
import type { RestoredServer } from '../../src/database/restored-server.ts';
import { start } from '../../src/kernel/process.ts';
import type { TestServer } from './postgres.ts';

/** A test server as the proof sees a restored one. */
export async function asRestored(server: TestServer): Promise<RestoredServer> {
  const { rows } = await server.sql(`SELECT current_setting('server_version_num')::int AS version`);
  return {
    versionNumber: rows[0].version,
    connect: (database) => server.connect(database),
    start: (program, args, _readable = [], options = {}) =>
      start(join(server.bin, program), args, {
        ...options,
        env: { ...options.env, PGHOST: server.host, PGPORT: String(server.port), PGUSER: 'postgres' },
      }),
  };
}
