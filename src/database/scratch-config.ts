import { inside } from './scratch-sandbox.ts';

/** What a scratch server takes over from the source. */
export interface ScratchServerConfig {
  /** Bytes that the whole server may use. */
  readonly memory: number;
  /** Libraries that exist here and that the source loads at its start. */
  readonly preloadLibraries: readonly string[];
  /** Settings of the source that change what data means. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The port only names the socket: nothing listens on a network. */
export const port = 5432;

const kilobytes = (bytes: number) => `${Math.floor(bytes / 1024)}kB`;

/**
 * Arguments of the server. They win over every file that restored code could write. Durability is PostgreSQL's own
 * default: a drill that skips it would measure a restore that nobody would do.
 */
export function serverArguments({ memory, preloadLibraries, settings }: ScratchServerConfig): string[] {
  const values: Record<string, string> = {
    ...settings,
    listen_addresses: '',
    unix_socket_directories: inside.socket,
    unix_socket_permissions: '0777',
    max_connections: '40',
    max_locks_per_transaction: '1024',
    shared_buffers: kilobytes(Math.min(128 * 2 ** 20, memory / 8)),
    maintenance_work_mem: kilobytes(Math.min(64 * 2 ** 20, memory / 16)),
    // As durable as the default, and without logging what is copied into a table of the same transaction: nothing is
    // replicated from here.
    wal_level: 'minimal',
    max_wal_senders: '0',
    huge_pages: 'off',
    // What is restored is read once and thrown away: no background work on it.
    autovacuum: 'off',
    // A crash ends the server at once, and the drill with it: it says nothing about the backup.
    restart_after_crash: 'off',
    jit: 'off',
    // Tablespaces of the source become directories of the scratch server (PostgreSQL, Developer Options).
    allow_in_place_tablespaces: 'on',
    // Errors are read by us: in English, and with their SQLSTATE.
    lc_messages: 'C',
    log_line_prefix: '%m [%p] %e ',
    log_min_messages: 'warning',
    logging_collector: 'off',
    log_destination: 'stderr',
    shared_preload_libraries: preloadLibraries.join(','),
  };
  return Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
