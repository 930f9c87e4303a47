import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { asError } from '../errors/as-error.ts';
import { StartError } from '../errors/start-error.ts';
import { connectClient, type DatabaseAddress } from './connection-options.ts';
import { distributeTable, distributionOf, isCitus } from './distributed-tables.ts';
import { inTransaction } from './query.ts';

/** Any number that nobody else locks: the turn of the one replica that distributes the fences. */
const FENCE_LOCK = '5018342091773322';

const FENCES = { schema: 'fhir_bucket_loader', name: 'data_fence' };

/**
 * The nodes that take rows past the coordinator, ready for that: they share the fences of data transactions with the control
 * connection.
 * @param wanted `auto` means all workers of Citus that have its metadata, with the control connection's user and TLS
 * @throws StartError where a node cannot be reached, belongs to another database, or takes no rows, as a standby
 */
export async function prepareDataAddresses(
  pool: pg.Pool,
  control: DatabaseAddress,
  wanted: 'auto' | readonly DatabaseAddress[],
): Promise<readonly DatabaseAddress[]> {
  if (wanted.length === 0) return [];
  const citus = await isCitus(pool);
  if (citus) await distributeFences(pool);
  const addresses = wanted === 'auto' ? (citus ? await listWorkers(pool, control) : []) : wanted;
  if (addresses.length === 0) {
    throw new StartError(
      'LOADER_DATA_URLS is auto, but the database is not a Citus cluster with a worker that has its metadata.',
    );
  }
  for (const address of addresses) await checkNode(pool, address);
  return addresses;
}

async function listWorkers(pool: pg.Pool, control: DatabaseAddress): Promise<DatabaseAddress[]> {
  const { rows } = await pool.query<{ host: string; port: number }>(
    `select nodename as host, nodeport as port from pg_dist_node
      where groupid <> 0 and isactive and hasmetadata and metadatasynced and shouldhaveshards and noderole = 'primary'
      order by nodeid`,
  );
  return rows.map((place) => ({ ...control, ...place }));
}

async function distributeFences(pool: pg.Pool): Promise<void> {
  await inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [FENCE_LOCK]);
    if ((await distributionOf(client, FENCES)) === 'local') {
      await distributeTable(client, FENCES, { column: 'attempt', colocateWith: 'none' });
    }
  });
}

/** A row that the control connection has just written must be seen, and taken. */
async function checkNode(pool: pg.Pool, address: DatabaseAddress): Promise<void> {
  const attempt = `check-${randomUUID()}`;
  const where = `LOADER_DATA_URLS: ${address.host}:${address.port}/${address.database}`;
  const isNoNode = `${where} is not a node that takes rows of the database that DATABASE_URL names`;
  await pool.query('insert into fhir_bucket_loader.data_fence (attempt) values ($1)', [attempt]);
  try {
    const client = await connectClient(address).catch((error: unknown) => {
      throw new StartError(`${where} cannot be reached: ${asError(error).message}.`);
    });
    try {
      const { rowCount } = await client.query(
        'update fhir_bucket_loader.data_fence set loaded = 0 where attempt = $1',
        [attempt],
      );
      if (rowCount !== 1) throw new StartError(`${isNoNode}.`);
    } catch (error) {
      if (error instanceof StartError) throw error;
      throw new StartError(`${isNoNode}: ${asError(error).message}.`);
    } finally {
      await client.end();
    }
  } finally {
    await pool.query('delete from fhir_bucket_loader.data_fence where attempt = $1', [attempt]);
  }
}
