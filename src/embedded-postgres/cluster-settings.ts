/** The TCP-less port number: only part of the socket's file name. */
export const socketPort = 5432;

/** Settings for bulk loading on a small machine; durability (fsync, full_page_writes) stays at Postgres's defaults. */
export const defaultSettings: Readonly<Record<string, string>> = {
  shared_buffers: '256MB',
  maintenance_work_mem: '256MB',
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  // No replication: the WAL needs to hold only what crash recovery needs.
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Of pages only: what changes a few rows of a large table writes whole pages after a checkpoint.
  wal_compression: 'on',
  // No setting of Postgres: tells the loader that it may do without where it rewrites most of a table (upsert/uncompressed-pages.ts).
  'fhir_bucket_loader.wal_compression_of_small_changes': 'on',
  max_connections: '100',
  max_prepared_transactions: '32',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
};

/**
 * Writes settings as the text of a Postgres configuration file.
 * Throws on a setting name that Postgres could not have.
 */
export function formatSettings(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => {
      if (!/^[a-z_][a-z0-9_.]*$/i.test(name)) throw new Error(`Not the name of a Postgres setting: "${name}"`);
      return `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'\n`;
    })
    .join('');
}
