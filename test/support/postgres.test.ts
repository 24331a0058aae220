import { expect, test } from 'vitest';
import { startPostgres } from './postgres.ts';

test('a test server starts, answers, restarts and leaves nothing behind', async () => {
  const server = await startPostgres();
  const name = await server.createDatabase();
  await server.restart();
  expect((await server.sql('SELECT current_database() AS name', name)).rows).toEqual([{ name }]);
  await server.stop();
  await expect(server.sql('SELECT 1')).rejects.toThrow();
});
