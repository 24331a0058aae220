import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StartedProcess, start } from '../../src/kernel/process.ts';
import { addresses } from '../../src/sandbox/names.ts';
import type { Operator } from './operator.ts';
import { until } from './until.ts';

/** A vault off the host: a real REST server for restic, where the operator of a throw-away machine sits. */
export class OperatorsVault {
  readonly repository: string;
  readonly #root: string;
  readonly #server: StartedProcess;

  private constructor(root: string, port: number, namespace: number) {
    this.#root = root;
    const address = `${addresses.operator.v4}:${port}`;
    this.repository = `rest:http://${address}/`;
    const rclone = ['rclone', 'serve', 'restic', '--config', join(root, 'rclone.conf'), '--addr', address];
    const inside = [`--net=/proc/${namespace}/ns/net`, '--', ...rclone, join(root, 'served')];
    this.#server = start('nsenter', inside, { stdio: ['ignore', 'ignore', 'ignore'] });
  }

  static async start(operator: Operator, port: number): Promise<OperatorsVault> {
    const root = await mkdtemp(join(tmpdir(), 'socle-vault-'));
    await writeFile(join(root, 'rclone.conf'), '');
    const vault = new OperatorsVault(root, port, operator.machine.namespaces.operator);
    const url = vault.repository.replace('rest:', '');
    await until('the vault answers', async () => (await operator.exec('curl', ['-sS', url])).exitCode === 0);
    return vault;
  }

  async stop(): Promise<void> {
    this.#server.kill('SIGTERM');
    await this.#server.ended;
    await rm(this.#root, { recursive: true, force: true });
  }
}
