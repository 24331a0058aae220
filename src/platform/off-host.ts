/**
 * Whether a restic repository lies on this machine: a directory, or a server that is reached over loopback.
 * The forms are those of restic's manual, "Preparing a new repository".
 */
export function isOnThisHost(repository: string): boolean {
  const remote = /^(sftp|rest|s3|swift|b2|azure|gs|rclone):(.*)$/s.exec(repository);
  if (!remote) return true;
  const rest = (remote[2] ?? '').replace(/^(https?|sftp|ssh):/, '').replace(/^\/\//, '');
  const host = rest.replace(/^[^/@]*@/, '');
  return /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)(?=[:/]|$)/i.test(host);
}
