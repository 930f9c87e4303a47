import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/db/embedded-postgres/start-embedded-postgres.ts';
import { serverUrlVariable, urlFromConnection } from './test-server-address.ts';

let tearDown = async (): Promise<void> => {};

export async function globalSetup(): Promise<void> {
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) {
    process.env[serverUrlVariable] = given;
    return;
  }
  const dataFolder = await mkdtemp(join(tmpdir(), 'test-postgres-'));
  const postgres = await startEmbeddedPostgres({
    dataFolder,
    settings: { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '200' },
  });
  tearDown = async () => {
    await postgres.stop();
    await rm(dataFolder, { recursive: true, force: true });
  };
  process.env[serverUrlVariable] = urlFromConnection(postgres.connection);
}

export async function globalTeardown(): Promise<void> {
  await tearDown();
}
