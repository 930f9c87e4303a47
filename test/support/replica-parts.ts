import pg from 'pg';
import { type Closing, lastFirst } from './last-first.ts';
import { type S3Endpoint, startS3Endpoint } from './s3-endpoint.ts';
import { S3FaultProxy } from './s3-fault-proxy.ts';
import { ServerProcess } from './server-process.ts';
import { createTestDatabase } from './test-database.ts';

/** What the replicas of a test share, and how one is started. */
export interface ReplicaParts {
  s3: S3Endpoint;
  /** In front of the store: what replicas read meets its rule. */
  proxy: S3FaultProxy;
  /** On the database of the replicas. */
  client: pg.Client;
  startReplica(env: Readonly<Record<string, string>>): Promise<ServerProcess>;
}

/** Creates a database and starts a store behind a proxy; after `t` the replicas end first, the database goes last. */
export async function startReplicaParts(t: Closing): Promise<ReplicaParts> {
  const part = lastFirst(t);
  const database = await createTestDatabase(part);
  const s3 = await startS3Endpoint(t);
  const proxy = await S3FaultProxy.start(t, s3);
  const client = new pg.Client({ ...database.connection, application_name: 'test' });
  await client.connect();
  part.after(() => client.end());
  return {
    s3,
    proxy,
    client,
    startReplica: (env) => ServerProcess.start(part, { databaseUrl: database.url, env }),
  };
}
