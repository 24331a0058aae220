import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';

export interface HashRequest {
  readonly path: string;
}

export interface HashedFile {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

// 0 is the calling thread alone (setpriority(2), "C library/kernel differences").
setPriority(0, 19);
const { path } = workerData as HashRequest;
const buffer = Buffer.allocUnsafeSlow(2 ** 20);
const hash = createHash('sha256');
const descriptor = openSync(path, 'r');
let total = 0;
for (let bytes = readSync(descriptor, buffer); bytes > 0; bytes = readSync(descriptor, buffer)) {
  hash.update(buffer.subarray(0, bytes));
  total += bytes;
}
closeSync(descriptor);
parentPort?.postMessage({ bytes: total, sha256: hash.digest('hex') } satisfies HashedFile);
