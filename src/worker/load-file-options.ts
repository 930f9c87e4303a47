import type pg from 'pg';
import type { LoadableTypes } from '../fhir/loadable-types.ts';
import type { CopyBuffers } from '../pipeline/copy-buffers.ts';
import type { Transforms } from '../pipeline/create-transform.ts';
import type { ObjectSource } from '../source/object-source.ts';
import type { BackendWatch } from '../store/backend-watch.ts';
import type { DatabaseAddress } from '../store/connection-options.ts';
import type { DistributedTables } from '../store/distributed-tables.ts';
import type { DataNodes } from '../target/direct/data-nodes.ts';
import type { RowHashes } from '../target/row-hasher.ts';
import type { FileProgress } from './file-task.ts';

/** What an attempt at a file needs from its thread. */
export interface LoadFileOptions {
  pool: pg.Pool;
  /** Where partitions connect: they use connections outside the pool. */
  address: DatabaseAddress;
  watch: BackendWatch;
  distributed: DistributedTables;
  dataNodes: DataNodes;
  source: ObjectSource;
  maxLineBytes: number;
  /** From `createLineMemory`. */
  lineMemory: SharedArrayBuffer;
  loadableTypes: LoadableTypes;
  buffers: CopyBuffers;
  transforms: Transforms;
  rowHashes: RowHashes;
  signal: AbortSignal;
  /** Called before the rows are streamed; the function it gets returns their progress. */
  onStart: (progress: () => FileProgress) => void;
}
