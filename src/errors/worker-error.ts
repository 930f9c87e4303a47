/**
 * What a worker of Citus met, by the words in which the coordinator passes it on. In a COPY it keeps a worker's message and
 * detail, and loses the SQLSTATE (XX000); a worker that is gone is XX000 or 58030 (io_error) of its own. The words are
 * those of Citus 13 and Postgres with English messages (`lc_messages`); any others stay what they are, and final.
 */
export const WORKER_ERRORS: readonly { says: RegExp; sqlstate: string }[] = [
  // connection_failure: the worker restarts, has crashed, or the network to it is cut.
  { says: /^failure on connection marked as essential: /, sqlstate: '08006' },
  { says: /^failed to (?:complete COPY|COPY to shard \d+) on /, sqlstate: '08006' },
  { says: /^connection to the remote node /, sqlstate: '08006' },
  { says: /^could not connect to any active placements/, sqlstate: '08006' },
  { says: /^server closed the connection unexpectedly/, sqlstate: '08006' },
  { says: /^could not (?:receive|send) data (?:from|to) server/, sqlstate: '08006' },
  { says: /^SSL connection has been closed unexpectedly/, sqlstate: '08006' },
  { says: /^no connection to the server/, sqlstate: '08006' },
  { says: /^connection not open/, sqlstate: '08006' },
  // admin_shutdown, crash_shutdown, cannot_connect_now; the coordinator's own shutdown while it waits for a worker.
  { says: /^postmaster was shut down/, sqlstate: '57P01' },
  { says: /^terminating connection due to administrator command/, sqlstate: '57P01' },
  { says: /^terminating connection because of crash of another server process/, sqlstate: '57P02' },
  { says: /^the database system is /, sqlstate: '57P03' },
  // too_many_connections
  { says: /^sorry, too many clients already/, sqlstate: '53300' },
  { says: /^remaining connection slots are reserved/, sqlstate: '53300' },
  { says: /^too many connections for /, sqlstate: '53300' },
  { says: /^could not find an available connection/, sqlstate: '53300' },
  // disk_full
  { says: /: No space left on device$/, sqlstate: '53100' },
  // out_of_memory
  { says: /^out of (?:shared )?memory$/, sqlstate: '53200' },
  // read_only_sql_transaction: a worker's standby, until it is promoted.
  { says: /^cannot execute .* in a read-only transaction$/, sqlstate: '25006' },
  // lock_not_available, deadlock_detected, serialization_failure
  { says: /^canceling statement due to lock timeout$/, sqlstate: '55P03' },
  { says: /^deadlock detected$/, sqlstate: '40P01' },
  { says: /distributed deadlock/, sqlstate: '40P01' },
  { says: /^could not serialize access due to /, sqlstate: '40001' },
  // data exceptions, of jsonb that the coordinator has not parsed: invalid_text_representation, untranslatable_character,
  // numeric_value_out_of_range.
  { says: /^invalid input syntax for type json$/, sqlstate: '22P02' },
  { says: /^unsupported Unicode escape sequence$/, sqlstate: '22P05' },
  { says: /^value overflows numeric format$/, sqlstate: '22003' },
  // integrity constraint violations: unique, exclusion, check, not null, foreign key.
  { says: /^duplicate key value violates unique constraint /, sqlstate: '23505' },
  { says: /^conflicting key value violates exclusion constraint /, sqlstate: '23P01' },
  { says: /^new row for relation .* violates check constraint /, sqlstate: '23514' },
  { says: /^null value in column .* violates not-null constraint$/, sqlstate: '23502' },
  { says: /^insert or update on table .* violates foreign key constraint /, sqlstate: '23503' },
];

/** internal_error, io_error */
const LOST_SQLSTATES = new Set(['XX000', '58030']);

/**
 * Whether an error may be a worker's, passed on without its SQLSTATE. Where such a one names a line of a COPY, it is the
 * line that the coordinator had come to when it heard of the error, not the one that the error means.
 */
export function maySpeakOfWorker(sqlstate: string): boolean {
  return LOST_SQLSTATES.has(sqlstate);
}

/** The SQLSTATE that an error had where it was raised; the error's own where that is not known to be another. */
export function sqlstateAtWorker(sqlstate: string, message: string): string {
  if (!maySpeakOfWorker(sqlstate)) return sqlstate;
  return WORKER_ERRORS.find(({ says }) => says.test(message))?.sqlstate ?? sqlstate;
}
