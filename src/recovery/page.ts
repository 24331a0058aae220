import { isOnThisHost } from '../platform/off-host.ts';
import type { Platform } from '../platform/schema.ts';
import { type Kit, type KitVault, kitFiles, kitPlace } from './schema.ts';

/** The page of a kit: how to come back without Socle, in plain words. It holds no secret. */
export function comeBackPage(kit: Kit, platform: Platform): string {
  const [first, ...others] = kit.vaults;
  return [
    `# Coming back: ${kit.platform}`,
    `Made on ${kit.createdAt.slice(0, 10)}. Whoever holds this directory can read every backup. Keep it off the host.`,
    '## If the host is gone',
    `You need a machine with \`restic\` and PostgreSQL, and the files beside this page. You do not need Socle.

1. Install \`restic\` and PostgreSQL of the version that your databases had (step 3 of the other page tells it).
2. Go into this directory, and tell restic about the vault:

${block(first ? variables(first, kit.platform) : [])}
3. See that it opens: \`restic --no-lock snapshots\`.
4. Follow [${kitFiles.byHand}](${kitFiles.byHand}) from its step 2, once for each database. \`DATABASE\` is one of:
   ${platform.databases.map(({ name }) => `\`${name}\``).join(', ') || 'none, when this kit was made'}.
   PGHOST, PGPORT, PGUSER and PATH are those of the new server.`,
    ...others.map(
      (vault) => `## If that vault is gone too\n\nThe second one:\n\n${block(variables(vault, kit.platform))}`,
    ),
    ...caveats(kit),
    ...(kit.ssh
      ? [
          `## If only the way to the host is lost

- **WireGuard**: \`${kitFiles.peer}\` is the spare peer \`${kit.peer ?? ''}\`. It works from the first \`socle up\` after this kit was made:
  \`wg-quick up ./${kitFiles.peer}\`.
- **SSH**: user \`${platform.host?.user ?? ''}\`, with the key ${kit.ssh.keys.map((key) => `\`${key}\``).join(' or ') || '(none was found)'}. It is not in this kit.
- **The host's own key** is ${kit.ssh.hostKeys.map((key) => `\`${key}\``).join(', ')} (\`${kitFiles.knownHosts}\`). Another one is another machine.
- **Neither works**: boot with \`socle.rescue=1\` on the kernel's command line, at the provider's console.`,
        ]
      : []),
    `## The other files

- \`${kitFiles.identity}\`: your age identity. It opens the secrets that are encrypted in Git: \`sops --decrypt FILE\` with
  \`SOPS_AGE_KEY_FILE=${kitFiles.identity}\`.
- The platform file, and its base where it has one: what the platform was.
- \`${kitFiles.index}\`: the same facts for programs.${kit.files.length === 0 ? '' : `\n${furtherFiles(kit)}`}`,
    `## Is this kit still good?

\`socle kit confirm --from DIRECTORY\` opens the vault with it and reads the newest backup. Do it when you put it away, and once a year.`,
    '',
  ].join('\n\n');
}

const block = (lines: readonly string[]) => `\`\`\`sh\n${lines.join('\n')}\n\`\`\`\n`;

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** In double quotes, with the directory of the kit in it. */
const withKit = (text: string) => `"${text.replace(/[\\"$`]/g, '\\$&').replaceAll(kitPlace, '$KIT')}"`;

function variables({ repository, environment, paths, options }: KitVault, platform: string): string[] {
  const further = Object.entries(options).map(([name, value]) => `-o ${withKit(`${name}=${value}`)}`);
  return [
    'export KIT="$PWD"',
    `export RESTIC_REPOSITORY=${quoted(repository)}`,
    `export RESTIC_PASSWORD_FILE="$KIT/${kitFiles.password}"`,
    `export PLATFORM=${platform}`,
    ...Object.entries(environment).map(([name, file]) => `export ${name}="$(cat ${file})"`),
    ...Object.entries(paths).map(([name, file]) => `export ${name}="$KIT/${file}"`),
    ...(further.length === 0 ? [] : [`restic() { command restic ${further.join(' ')} "$@"; }`]),
  ];
}

/** What the kit does not help against. */
function caveats(kit: Kit): string[] {
  const lines = kit.vaults.flatMap(({ address, repository, onHost }) =>
    onHost || isOnThisHost(repository)
      ? [`- \`${address}\` is on the machine that is backed up, and is lost with it. On that machine the kit opens it.`]
      : [],
  );
  return lines.length === 0 ? [] : [`## What is lost with the host\n\n${lines.join('\n')}`];
}

/** What each further file is. */
function furtherFiles({ files }: Kit): string {
  const what = (name: string) =>
    name === kitFiles.hostKey
      ? 'the host’s key in the VPN: as `/etc/socle/wireguard/private.key` of the next host, the files of all peers hold again'
      : name.startsWith('database-')
        ? 'what the host logs in to that database with'
        : 'what the commands above name';
  return files.map((name) => `- \`${name}\`: ${what(name)}.`).join('\n');
}
