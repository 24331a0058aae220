import { fail } from '../../kernel/errors.ts';
import { DataCollector, type DataSummary } from './data-summary.ts';
import { type Reading, readProgram } from './programs.ts';
import { DumpSplitter } from './splitter.ts';

/** Reads one data-only dump as it streams by. `onBytes` gets the number of bytes of each piece. */
export async function readData(reading: Reading, onBytes: (bytes: number) => void = () => {}): Promise<DataSummary> {
  const collector = new DataCollector();
  const splitter = new DumpSplitter(collector);
  await readProgram(reading, (chunk) => {
    splitter.write(chunk);
    onBytes(chunk.length);
  });
  if (!splitter.end()) {
    throw fail('command-failed', `${reading.program} ended with 0, but its output stops in the middle of a statement`);
  }
  return collector.summary();
}
