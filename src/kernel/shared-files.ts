import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';

/** Makes a directory that other users pass through and list: mode 0755, whatever the umask is. Its parent decides who. */
export function makeSharedDirectory(path: string): void {
  mkdirSync(path);
  chmodSync(path, 0o755);
}

/** Writes a file that other users read: mode 0644, whatever the umask is. Its directory decides who. */
export function writeSharedFile(path: string, text: string | Uint8Array): void {
  writeFileSync(path, text);
  chmodSync(path, 0o644);
}
