import { userInfo } from 'node:os';

/**
 * Who acts, for the audit trail: `SOCLE_ACTOR` (the daemon sets it for its jobs), else `cli:<user>`. Under sudo it is
 * the person and not root.
 */
export function actor(env: NodeJS.ProcessEnv = process.env): string {
  if (env.SOCLE_ACTOR) return env.SOCLE_ACTOR;
  const { uid, username } = userInfoOrId();
  return `cli:${uid === 0 && env.SUDO_USER ? env.SUDO_USER : username}`;
}

/** A user without an entry in the system's table (a container's, say) is named by its number. */
function userInfoOrId(): { uid: number; username: string } {
  try {
    return userInfo();
  } catch {
    const uid = process.getuid?.() ?? -1;
    return { uid, username: String(uid) };
  }
}
