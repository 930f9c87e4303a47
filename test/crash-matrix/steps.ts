import { COPY_DONE, type ProxiedConnection } from '../support/postgres-proxy/proxied-connection.ts';

/** What the load of a step's bucket consists of. */
export type Scene =
  | 'single'
  | 'batch'
  | 'partitioned'
  | 'direct'
  | 'resolving'
  | 'upsert'
  | 'rewritten'
  | 'file-order'
  | 'versions'
  | 'history'
  | 'lenient'
  | 'early'
  | 'finish';

/** One statement of a load, at which it is stopped. */
export interface Step {
  scene: Scene;
  name: string;
  matches: (connection: ProxiedConnection, statement: string) => boolean;
}

const isPartition = ({ applicationName }: ProxiedConnection) => applicationName.startsWith('fhir-bucket-loader/');
const isMain = (connection: ProxiedConnection) => !isPartition(connection);
const isSession = ({ statements }: ProxiedConnection) => statements.some((sent) => sent.startsWith('listen '));
const isFiles = (connection: ProxiedConnection) =>
  !isSession(connection) && connection.statements.some((sent) => /pg_backend_pid/.test(sent));
/** Whether the connection has sent this before, in the same transaction. */
const hasSent = ({ statements }: ProxiedConnection, pattern: RegExp) =>
  statements
    .slice(statements.findLastIndex((sent) => /^begin\b/.test(sent)))
    .some((statement) => pattern.test(statement));
const hasEverSent = ({ statements }: ProxiedConnection, pattern: RegExp) =>
  statements.some((statement) => pattern.test(statement));

const step = (
  scene: Scene,
  name: string,
  pattern: RegExp,
  on: (connection: ProxiedConnection) => boolean = () => true,
): Step => ({ scene, name, matches: (connection, statement) => on(connection) && pattern.test(statement) });

/** Of a file by itself in one message with the begin of its transaction and what follows, up to its savepoint. */
const LOCK = /^(begin;\s)?select from loaderfile l where l\.id = \S+ and .* for update skip locked/s;
const COPY = /^copy "?/;
const END = new RegExp(`^${COPY_DONE}$`);
const COMMIT = /^commit$/;
const END_OF_RUN = /^update fhir_bucket_loader\.load_run r\s+set ended_at = clock_timestamp/;

/** Steps of every file, by one backend. */
const SINGLE: readonly Step[] = [
  step('single', 'claim', /with next as materialized/),
  step('single', 'begin and lock', LOCK),
  step('single', 'savepoint and number', /^savepoint no_rows;/),
  step('single', 'COPY begins', COPY),
  step('single', 'COPY ends', END),
  step('single', 'done', /^update loaderfile set resource = resource \|\|/),
  step('single', 'commit', COMMIT, (connection) => hasSent(connection, COPY)),
];

const LOCK_BATCH = /^select l\.id from loaderfile l\s.*for update skip locked/s;
const hasLockedBatch = (connection: ProxiedConnection) => hasSent(connection, LOCK_BATCH);

/** Steps of several small files in one transaction; the second COPY is that of the next type. */
const BATCH: readonly Step[] = [
  step('batch', 'claim', /with next as materialized/),
  step('batch', 'begin', /^begin$/, (connection) => isFiles(connection)),
  step('batch', 'lock', LOCK_BATCH),
  step('batch', 'are they decided', /and exists \(select from \(select queue/, hasLockedBatch),
  step('batch', 'savepoint', /savepoint no_rows;/, hasLockedBatch),
  step('batch', 'first COPY begins', COPY, hasLockedBatch),
  step('batch', 'first COPY ends', END, hasLockedBatch),
  step('batch', 'COPY of another type begins', /^copy .*practitioner/, hasLockedBatch),
  step('batch', 'back to before the refused row', /^rollback to savepoint batch$/),
  step('batch', 'savepoint of the rest', /^savepoint batch$/, (connection) =>
    hasSent(connection, /^rollback to savepoint batch$/),
  ),
  step('batch', 'done', /^update loaderfile l set resource = l\.resource \|\|/, (connection) =>
    hasSent(connection, COPY),
  ),
  step('batch', 'commit', COMMIT, (connection) => hasLockedBatch(connection) && hasSent(connection, COPY)),
  step('batch', 'lock of the file left out', LOCK, ({ statements }) =>
    statements.some((sent) => LOCK_BATCH.test(sent)),
  ),
  step('batch', 'error of the file left out', /^update loaderfile set resource = resource \|\|/),
];

/** Steps of a file over several backends: the holder's, then its partitions'. */
const PARTITIONED: readonly Step[] = [
  step('partitioned', 'lock the LoaderFile', LOCK),
  step('partitioned', 'lock the file', /pg_try_advisory_xact_lock\(\('x'/),
  step('partitioned', 'a partition begins', /^begin; set local lock_timeout/, isPartition),
  step('partitioned', 'a partition sees the lock', /from pg_locks/, isPartition),
  step('partitioned', "the holder's COPY begins", COPY, isMain),
  step('partitioned', "a partition's COPY begins", COPY, isPartition),
  step('partitioned', "the holder's COPY ends", END, isMain),
  step('partitioned', "a partition's COPY ends", END, isPartition),
  step('partitioned', 'decision', /^insert into fhir_bucket_loader\.commit_decision/),
  step('partitioned', 'first PREPARE', /^prepare transaction .*:0'$/),
  step('partitioned', 'last PREPARE', /^prepare transaction .*:1'$/),
  step('partitioned', 'commit', COMMIT, (connection) => isMain(connection) && hasSent(connection, COPY)),
  step('partitioned', 'first COMMIT PREPARED', /^commit prepared .*:0'$/),
  step('partitioned', 'last COMMIT PREPARED', /^commit prepared .*:1'$/),
  step('partitioned', 'done', /delete from fhir_bucket_loader\.commit_decision/, isPartition),
  step('partitioned', 'commit of done', COMMIT, isPartition),
];

const ATTEMPT = /^insert into fhir_bucket_loader\.data_attempt/;
const FILLED = /^update fhir_bucket_loader\.data_fence/;
const CLOSED = /^delete from fhir_bucket_loader\.data_attempt/;

/** Steps of a file whose rows go by a data connection: on the control connection, on that one, and on the first again. */
const DIRECT: readonly Step[] = [
  step('direct', 'lock', LOCK),
  step('direct', 'attempt', ATTEMPT),
  step('direct', 'commit of the attempt', COMMIT, (connection) => hasSent(connection, ATTEMPT)),
  step('direct', 'lock again', /^select from loaderfile l where .* = 'in-progress' for update skip locked/),
  step(
    'direct',
    'data transaction begins',
    /^begin; set local/,
    (connection) => !hasEverSent(connection, /loaderfile/),
  ),
  step('direct', 'fence', /^insert into fhir_bucket_loader\.data_fence/),
  step('direct', 'COPY begins', COPY),
  step('direct', 'COPY ends', END),
  step('direct', 'fence is filled', FILLED),
  step('direct', 'commit of the rows', COMMIT, (connection) => hasSent(connection, FILLED)),
  step('direct', 'done', /^update loaderfile set resource = resource \|\|/),
  step('direct', 'attempt is closed', CLOSED),
  step('direct', 'commit of done', COMMIT, (connection) => hasSent(connection, CLOSED)),
  step('direct', 'fence is removed', /^delete from fhir_bucket_loader\.data_fence/),
];

/** Steps of a file whose references are resolved: on a connection beside its own. */
const RESOLVING: readonly Step[] = [
  step('resolving', 'first look-up', /^select wanted\.n/),
  step('resolving', 'lock for the copy', /fhir-bucket-loader identifiers/),
  step('resolving', 'mark of the copy', /^insert into fhir_bucket_loader\.identifier_fill/),
  step('resolving', 'copy of identifiers', /^insert into fhir_bucket_loader\.identifier /),
  step('resolving', 'commit of the copy', COMMIT, (connection) => hasSent(connection, /loader\.identifier /)),
  step('resolving', 'look-up', /^select wanted\.n/, ({ statements }) =>
    statements.some((sent) => /loader\.identifier /.test(sent)),
  ),
  step('resolving', 'COPY ends', END),
  step('resolving', 'done', /^update loaderfile set resource = resource \|\|/),
  step(
    'resolving',
    'identifiers are deleted',
    /^with former as .*delete from fhir_bucket_loader\.identifier where/s,
    ({ statements }) => !statements.some((sent) => /fhir-bucket-loader identifiers/.test(sent)),
  ),
];

/** Steps of a file most of whose rows are known by their fingerprints. */
const UPSERT: readonly Step[] = [
  step('upsert', 'look-up', /^with found as materialized/),
  step('upsert', 'COPY of the others begins', COPY),
  step('upsert', 'COPY of the others ends', END),
  step('upsert', 'compared and noted', /^with looked as materialized .*fhir_bucket_loader\.fingerprint/s),
  step('upsert', 'overwritten', /^with written as \(insert into/),
  step('upsert', 'done', /^update loaderfile set resource = resource \|\|/),
  step('upsert', 'commit', COMMIT, (connection) => hasSent(connection, COPY)),
];

/** Of a file nearly all of whose rows have changed, those that differ from the others. */
const REWRITTEN: readonly Step[] = [
  step('rewritten', 'look-up', /^with found as materialized/),
  step('rewritten', 'a sample is compared', /^with looked as .*select count\(\*\)::int as sampled/s),
  step('rewritten', 'written without a look', /^with written as \(insert into.* as place from/s),
  step('rewritten', 'commit', COMMIT, (connection) => hasSent(connection, COPY)),
];

const BY_LINES = /^update \S+ t\s+set txid/;

/** Of such a file whose rows the table has in the order of its lines. */
const FILE_ORDER: readonly Step[] = [
  step('file-order', 'savepoint', /^savepoint file_order;/),
  step('file-order', 'overwritten by lines', BY_LINES),
  step('file-order', 'the new ones', /^with written as \(insert into/, (connection) => hasSent(connection, BY_LINES)),
  step('file-order', 'savepoint released', /^set local lock_timeout = 0; release savepoint file_order/),
  step('file-order', 'commit', COMMIT, (connection) => hasSent(connection, BY_LINES)),
];

const RECREATED = /^with recreated as materialized/;
const DELETED = /^with found as materialized \(\s*select t\.\*.* gone as \(/s;

/** Steps of a file that is inserted, some of whose resources were deleted once, and of one of deletions after it. */
const VERSIONS: readonly Step[] = [
  step('versions', 'COPY begins', COPY),
  step('versions', 'COPY ends', END),
  step('versions', 'recreated', RECREATED),
  step('versions', 'done', /^update loaderfile set resource = resource \|\|/, (connection) =>
    hasSent(connection, RECREATED),
  ),
  step('versions', 'commit', COMMIT, (connection) => hasSent(connection, RECREATED)),
  step('versions', 'names of the deleted', END, (connection) => hasEverSent(connection, RECREATED)),
  step('versions', 'deleted', DELETED),
  step('versions', 'commit of the deletions', COMMIT, (connection) => hasSent(connection, DELETED)),
];

const OVERWRITTEN = /^with former as materialized \(\s*select t\.\*/;

/** Steps of a file whose resources overwrite others, which go to the history. */
const HISTORY: readonly Step[] = [
  step('history', 'compared', /^with looked as/),
  step('history', 'new ones inserted', /^with written as \(insert into/),
  step('history', 'copied and overwritten', OVERWRITTEN),
  step('history', 'commit', COMMIT, (connection) => hasSent(connection, OVERWRITTEN)),
];

const BACK_TO_RUN = /^rollback to savepoint row_run$/;

/** Steps of a file of which bad lines are left out. */
const LENIENT: readonly Step[] = [
  step('lenient', 'savepoint of a run', /^savepoint row_run$/),
  step('lenient', 'COPY ends', END),
  step('lenient', 'back to before the run', BACK_TO_RUN),
  step('lenient', 'the rest again', /^savepoint row_run$/, (connection) => hasSent(connection, BACK_TO_RUN)),
  step('lenient', 'done', /^update loaderfile set resource = resource \|\|/),
  step('lenient', 'LoaderErrors', /^insert into loadererror/),
  step('lenient', 'commit', COMMIT, (connection) => hasSent(connection, COPY)),
];

/** Steps before and after the files: indexes, and the end. */
const FINISH: readonly Step[] = [
  step('finish', 'enter the run', /^begin$/, isSession),
  step('finish', 'commit of the run', COMMIT, isSession),
  step('finish', 'drop an index', /^drop index|^alter table .* drop constraint/),
  step('finish', 'commit of the drop', COMMIT, (connection) => hasSent(connection, /drop constraint|^drop index/)),
  step('finish', 'build an index', /^create (unique )?index/i),
  step('finish', 'restored', /^update disabledindex/),
  step('finish', 'commit of restored', COMMIT, (connection) => hasSent(connection, /^update disabledindex/)),
  step('finish', 'flush', /pg_logical_emit_message/),
  step('finish', 'end the run', END_OF_RUN),
  step('finish', 'commit of its end', COMMIT, (connection) => hasSent(connection, END_OF_RUN)),
  step('finish', 'leave', /^select pg_advisory_unlock\(hashtextextended.*'bucket '/s),
];

const LEAVE_TABLE = /^select pg_try_advisory_lock\(hashtextextended.*'indexes of '/s;

/** Steps of a table whose last file is in, while the files of another one are loaded. */
const EARLY: readonly Step[] = [
  step('early', 'leave the table', LEAVE_TABLE, isSession),
  step('early', 'lock to restore', /^select pg_advisory_xact_lock\(hashtextextended.*'restore '/s),
  step('early', 'build a key', /^create unique index/i),
  step('early', 'make it a constraint', /^alter table .* add constraint/),
  step('early', 'build an index', /^create index/i),
  step('early', 'restored', /^update disabledindex/),
  step('early', 'commit of restored', COMMIT, (connection) => hasSent(connection, /^update disabledindex/)),
  step(
    'early',
    'end of the restore',
    /^select pg_advisory_unlock\(hashtextextended\('fhir-bucket-loader ' \|\| 'indexes of '/,
  ),
];

export const STEPS: readonly Step[] = [
  ...SINGLE,
  ...BATCH,
  ...PARTITIONED,
  ...DIRECT,
  ...RESOLVING,
  ...UPSERT,
  ...REWRITTEN,
  ...FILE_ORDER,
  ...VERSIONS,
  ...HISTORY,
  ...LENIENT,
  ...EARLY,
  ...FINISH,
];
