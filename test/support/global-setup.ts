import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/start-embedded-postgres.ts';
import { migrate } from '../../src/store/migrate.ts';
import { onTestServer } from './on-test-server.ts';
import { MIGRATED_TEMPLATE } from './test-database.ts';
import { serverUrlVariable, urlFromConnection } from './test-server-address.ts';

/** For speed: the data of the tests need not survive a power cut. */
const settings = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', max_connections: '200' };

/** The one Postgres of a test run. Node calls setup and teardown of this module without handing anything on. */
class TestServer {
  #running: Promise<{ stop(): Promise<void> }> | undefined;

  async start(): Promise<void> {
    this.#running = startInNewFolder();
    await this.#running;
  }

  /** Also waits for a start in progress, so that an interrupt at any moment leaves nothing behind. */
  async stop(): Promise<void> {
    const running = await this.#running?.catch(() => undefined);
    await running?.stop();
  }
}

const server = new TestServer();

/**
 * Runs once before all tests (`node --test --test-global-setup=...`): sets TEST_PG_URL to the server named by
 * TEST_DATABASE_URL, else to a Postgres started in a new temporary folder. Throws when that cannot be started.
 */
export async function globalSetup(): Promise<void> {
  // Each test file is a process that strips the types of the same sources, and many start others: once is enough.
  process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'fhir-bucket-loader-compile-cache');
  const given = process.env['TEST_DATABASE_URL'];
  if (given !== undefined) {
    process.env[serverUrlVariable] = given;
    return;
  }
  await server.start();
}

/** Runs once after all tests, also when they fail or are interrupted: stops Postgres and removes its folder. */
export async function globalTeardown(): Promise<void> {
  await server.stop();
}

async function startInNewFolder(): Promise<{ stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'test-postgres-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  try {
    const postgres = await startEmbeddedPostgres({ dataFolder: folder, settings });
    process.env[serverUrlVariable] = urlFromConnection(postgres.connection);
    await onTestServer(`CREATE DATABASE ${MIGRATED_TEMPLATE} TEMPLATE template0 ENCODING 'UTF8'`);
    await migrate({ ...postgres.connection, database: MIGRATED_TEMPLATE });
    return {
      async stop() {
        await postgres.stop();
        await removeFolder();
        // Another one when the temporary folder is closed to the user Postgres runs as.
        await rm(postgres.dataFolder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}
