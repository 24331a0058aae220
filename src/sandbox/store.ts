import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive, ownIdentity, type ProcessIdentity } from '../kernel/process-identity.ts';
import { removeControlGroups } from './control-groups.ts';
import type { Machine } from './driver.ts';
import { type DebianRelease, type DriverName, machineDirectory } from './names.ts';
import type { Namespaces } from './network.ts';

/** A running machine, as its supervisor knows it. */
export interface MachineRecord {
  readonly name: string;
  readonly release: DebianRelease;
  readonly driver: DriverName;
  readonly namespaces: Namespaces;
  readonly startedAt: string;
}

export const directoryOf = (name: string) => join(machineDirectory(), name);

const read = async <T>(name: string, file: string) =>
  JSON.parse(await readFile(join(directoryOf(name), file), 'utf8').catch(() => 'null')) as T | null;
/** Whole, or not at all: others read it at any time. */
async function write(name: string, file: string, content: unknown): Promise<void> {
  const path = join(directoryOf(name), file);
  await writeFile(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Makes the machine's directory ours: whoever finds it knows from this whether it is still in use. */
export async function claimDirectory(name: string): Promise<void> {
  await mkdir(directoryOf(name), { recursive: true, mode: 0o700 });
  await write(name, 'owner.json', ownIdentity());
}

/** What its supervisor is to run. */
export const writeRequest = (machine: Machine) => write(machine.name, 'request.json', machine);
export const readRequest = (name: string) => read<Machine>(name, 'request.json');

export const writeRecord = (record: MachineRecord) => write(record.name, 'machine.json', record);

/** The process that makes or runs this machine, when it lives. */
export async function ownerOf(name: string): Promise<ProcessIdentity | null> {
  const owner = await read<ProcessIdentity>(name, 'owner.json');
  return owner && isAlive(owner) ? owner : null;
}

/** The machine's record when its supervisor lives. */
export async function readRecord(name: string): Promise<MachineRecord | null> {
  return (await ownerOf(name)) ? read<MachineRecord>(name, 'machine.json') : null;
}

/** Its files, and the control groups that it was in: nothing else outlives its processes. */
export async function removeDirectory(name: string): Promise<void> {
  await removeControlGroups(name);
  await rm(directoryOf(name), { recursive: true, force: true });
}

/** Machines that run, by name. What a crashed one left is removed on the way. */
export async function listMachines(): Promise<MachineRecord[]> {
  const names = await readdir(machineDirectory()).catch(() => []);
  const records: MachineRecord[] = [];
  for (const name of names.sort()) {
    const record = await readRecord(name);
    if (record) records.push(record);
    else if (!(await ownerOf(name))) await removeDirectory(name);
  }
  return records;
}
