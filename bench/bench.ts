import type { ThrowAwayServer } from '../src/demo/server.ts';

/** What every promise is measured on: one server, one database, warm caches. */
export interface Bench {
  readonly directory: string;
  readonly server: ThrowAwayServer;
  readonly database: string;
  /** Environment for PostgreSQL's programs and restic: the same database, the same role. */
  readonly env: Readonly<Record<string, string>>;
  readonly rounds: number;
}
