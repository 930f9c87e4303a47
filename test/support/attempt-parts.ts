import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { Transforms } from '../../src/pipeline/create-transform.ts';
import { createLineMemory } from '../../src/pipeline/line-memory.ts';
import { identityOf } from '../../src/source/folder/identity-of.ts';
import type { ObjectToRead } from '../../src/source/object-source.ts';
import { Sources } from '../../src/source/sources.ts';
import { BackendWatch } from '../../src/store/backend-watch.ts';
import { createPool } from '../../src/store/create-pool.ts';
import { DistributedTables } from '../../src/store/distributed-tables.ts';
import { ensureResourceTable } from '../../src/store/ensure-resource-table.ts';
import { addLoaderFiles } from '../../src/store/loader-file/add-loader-files.ts';
import { loaderFileId } from '../../src/store/loader-file/loader-file.ts';
import { migrate } from '../../src/store/migrate.ts';
import { DataNodes } from '../../src/target/direct/data-nodes.ts';
import { identifyFile } from '../../src/target/partitioned/file-identity.ts';
import {
  finishPrepared,
  gidOf,
  listPrepared,
  prepareTransaction,
} from '../../src/target/partitioned/prepared-transaction.ts';
import { RowHashes } from '../../src/target/row-hasher.ts';
import type { FileTask } from '../../src/worker/file-task.ts';
import type { LoadFileOptions } from '../../src/worker/load-file-options.ts';
import { RowMemory } from '../../src/worker/row-memory.ts';
import { type Closing, lastFirst } from './last-first.ts';
import { ndjson } from './ndjson.ts';
import { noTwoPhase } from './no-two-phase.ts';
import { createMigratedDatabase } from './test-database.ts';
import type { TestConnection } from './test-server-address.ts';

const BUCKET = 's3://attempts';
const MAX_LINE_BYTES = 1024 * 1024;

/** A claimed file; which object, and which LoaderFile. */
export type ClaimedFile = ObjectToRead & { id: string; type: string };

export interface AttemptParts {
  connection: TestConnection;
  /** Of the test's own statements. */
  pool: pg.Pool;
  /** What attempts need of their thread, with a pool of their own. */
  options: LoadFileOptions;
  /** Every file's task is this, with what tells it from others. */
  task: Omit<FileTask, 'port' | 'id' | 'key' | 'type'>;
  /** Writes a file of a folder, its table, and its LoaderFile, which is `in-progress`. */
  claimed(key: string, type: string, resources: readonly object[]): Promise<ClaimedFile>;
  /**
   * Leaves a prepared transaction of the file with one patient, as an attempt over several backends does whose replica died. It is no row of
   * the file: an attempt that does not resolve it goes on, where it would otherwise wait for ever.
   */
  leavePrepared(file: ClaimedFile, row: string, attempt?: string): Promise<void>;
  /** Of tests that leave one: why they are skipped, if they are. */
  skip: string | false;
  statusOf(file: ClaimedFile): Promise<string | undefined>;
  /** The ids in a type's table, in order. */
  idsIn(type: string): Promise<string[]>;
}

/**
 * A database, a folder, and what a worker thread has, in the test's own: so that one attempt at a file is made, and no load
 * looks after it. All of it goes after `t`.
 * @param isDirect whether rows go by data connections
 */
export async function startAttemptParts(
  t: Closing,
  { isDirect = false }: { isDirect?: boolean } = {},
): Promise<AttemptParts> {
  const parts = lastFirst(t);
  const { connection } = await createMigratedDatabase(parts);
  await migrate(connection);
  const folder = await mkdtemp(join(tmpdir(), 'attempts-'));
  parts.after(() => rm(folder, { recursive: true }));
  const poolOf = () => {
    const pool = createPool(connection, { max: 8, onIdleError: () => {} });
    parts.after(() => pool.end());
    return pool;
  };
  const pool = poolOf();
  parts.after(async () => {
    // With one of them the database could not be dropped.
    for (const { gid } of await listPrepared(pool)) await finishPrepared(pool, gid, 'rollback');
  });
  const attempts = poolOf();
  const transforms = new Transforms();
  const sourceAddress = { kind: 'folder', path: folder } as const;
  const options = {
    pool: attempts,
    address: connection,
    watch: new BackendWatch(attempts),
    distributed: new DistributedTables(),
    dataNodes: new DataNodes(isDirect ? [connection] : [], 8),
    source: new Sources({ allowPrivateHosts: true, fileRoots: [folder] }).open(sourceAddress),
    maxLineBytes: MAX_LINE_BYTES,
    lineMemory: createLineMemory(MAX_LINE_BYTES, MAX_LINE_BYTES),
    loadableTypes: { named: [], everyTable: false },
    buffers: await new RowMemory(transforms).use(async (buffers) => buffers),
    transforms,
    rowHashes: new RowHashes(),
    signal: new AbortController().signal,
    onStart: () => {},
  };
  const task = {
    bucket: BUCKET,
    source: sourceAddress,
    transform: { format: 'as-is', fhirVersion: 'r4', convertExtensions: false, keepLastUpdated: false },
    writeMode: { kind: 'insert' },
    requiresPrimaryKey: true,
    maxErrors: 0,
    backends: 1,
    next: undefined,
  } as const;
  return {
    connection,
    pool,
    options,
    task,
    async claimed(key, type, resources) {
      await ensureResourceTable(pool, type, { distribute: false });
      const path = join(folder, key);
      await writeFile(path, ndjson(resources));
      const object = { key, type, ...identityOf(await stat(path, { bigint: true })) };
      await addLoaderFiles(pool, BUCKET, [object]);
      const id = loaderFileId(BUCKET, key);
      await pool.query(`update loaderfile set resource = resource || '{"status": "in-progress"}' where id = $1`, [id]);
      return { ...object, id };
    },
    async leavePrepared({ id }, row, attempt = randomUUID()) {
      const client = await pool.connect();
      await client.query(
        `begin; insert into patient (id, txid, status, resource) values ('${row}', 1, 'created', '{}')`,
      );
      await prepareTransaction(client, gidOf(await identifyFile(client, id), attempt, 0));
      client.release();
    },
    skip: await noTwoPhase(async (text) => (await pool.query<{ slots: number }>(text)).rows),
    async statusOf({ id }) {
      const { rows } = await pool.query<{ status: string }>(
        `select resource ->> 'status' as status from loaderfile where id = $1`,
        [id],
      );
      return rows[0]?.status;
    },
    async idsIn(type) {
      const { rows } = await pool.query<{ id: string }>(`select id from ${type.toLowerCase()} order by id`);
      return rows.map(({ id }) => id);
    },
  };
}
