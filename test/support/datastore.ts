import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import type { CopyHeader } from '../../src/datastore/schema.ts';
import type { Source } from '../../src/datastore/source.ts';
import { readHeader } from '../../src/datastore/source.ts';
import { type RunResult, run, start } from '../../src/kernel/process.ts';

export const datastoreProgram = fileURLToPath(new URL('../../ansible/host/datastore', import.meta.url));

/** Files of a server's directory that a copy has to bring back, and one that is none of them. */
export const serverFiles: Readonly<Record<string, string>> = {
  'var/lib/rancher/k3s/server/token': 'K10canary::server:token-of-the-cluster\n',
  'var/lib/rancher/k3s/server/cred/encryption-config.json': '{"kind":"EncryptionConfiguration"}',
  'var/lib/rancher/k3s/server/cred/passwd': 'a,node,node:atelier,system:masters\n',
  'var/lib/rancher/k3s/server/tls/server-ca.key': 'a private key\n',
  'var/lib/rancher/k3s/server/tls/etcd/peer-ca.crt': 'a certificate\n',
  'etc/rancher/node/password': 'what the node proves its name with',
};

/** A host's root with what K3s keeps there: a datastore in WAL mode, as kine makes it, open for writing. */
export class FakeServer {
  readonly root: string;
  readonly #db: DatabaseSync;

  private constructor(root: string) {
    this.root = root;
    this.#db = new DatabaseSync(join(root, 'var/lib/rancher/k3s/server/db/state.db'));
    this.#db.exec('PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS kine (id INTEGER PRIMARY KEY, value BLOB)');
  }

  static async make(root: string, node = 'atelier', k3s = 'v1.36.3+k3s1'): Promise<FakeServer> {
    const all = {
      ...serverFiles,
      'etc/rancher/k3s/config.yaml': `node-name: ${node}\n`,
      'usr/local/bin/k3s': `#!/bin/sh\necho "k3s version ${k3s} (0123abcd)"\n`,
      'var/lib/rancher/k3s/server/manifests/coredns.yaml': 'not ours\n',
    };
    for (const [path, content] of Object.entries(all)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content, { mode: path.endsWith('bin/k3s') ? 0o755 : 0o600 });
    }
    await mkdir(join(root, 'var/lib/rancher/k3s/server/db'), { recursive: true });
    return new FakeServer(root);
  }

  write(value: string): void {
    this.#db.prepare('INSERT INTO kine (value) VALUES (?)').run(value);
  }

  close(): void {
    this.#db.close();
  }

  /** Its copies, as the program makes them. */
  get source(): Source {
    return {
      open: async () => {
        const child = start('python3', [datastoreProgram, 'print'], { env: { SOCLE_ROOT: this.root } });
        child.stderr?.resume();
        const done = child.ended.then(({ exitCode }) => {
          if (exitCode !== 0) throw new Error(`it ended with ${exitCode}`);
        });
        if (!child.stdout) throw new Error('no output');
        return { ...(await readHeader(child.stdout)), done };
      },
    };
  }
}

/** A whole copy, as the program makes it. */
export async function copyOf(server: FakeServer): Promise<{ header: CopyHeader; tar: Buffer }> {
  const { header, body, done } = await server.source.open();
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  await done;
  return { header, tar: Buffer.concat(chunks) };
}

/** Puts a copy into a root. */
export const putCopy = (
  root: string,
  tar: Buffer,
  { bytes, sha256, node }: Pick<CopyHeader, 'bytes' | 'sha256' | 'node'>,
  ...words: string[]
): Promise<RunResult> =>
  run('python3', [datastoreProgram, 'put', String(bytes), sha256, node, ...words], {
    env: { SOCLE_ROOT: root },
    input: tar,
    accept: [0, 1, 4, 65],
  });

/** Values of the datastore below a root, in their order. */
export function valuesOf(root: string): string[] {
  const db = new DatabaseSync(join(root, 'var/lib/rancher/k3s/server/db/state.db'));
  try {
    return db
      .prepare('SELECT value FROM kine ORDER BY id')
      .all()
      .map((row) => String(row.value));
  } finally {
    db.close();
  }
}

export const readServerFiles = async (root: string): Promise<Record<string, string>> =>
  Object.fromEntries(
    await Promise.all(
      Object.keys(serverFiles).map(async (path) => [path, await readFile(join(root, path), 'utf8')] as const),
    ),
  );
