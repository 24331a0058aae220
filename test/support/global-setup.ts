import { preparePostgresTemplate } from './postgres.ts';

/** Runs once before all tests: what every test file would otherwise do again. */
export default async function setup(): Promise<() => Promise<void>> {
  const remove = await preparePostgresTemplate();
  return remove;
}
