import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { readConfig } from '../src/config.ts';
import { startEmbeddedPostgres } from '../src/embedded-postgres/start-embedded-postgres.ts';
import { connectClient, type DatabaseAddress } from '../src/store/connection-options.ts';

/** A database for the demo alone, gone after `remove()`. */
export interface DemoDatabase {
  /** Where it is, for people; without the password. */
  readonly name: string;
  readonly address: DatabaseAddress;
  /** The settings with which the server finds it. */
  readonly environment: NodeJS.ProcessEnv;
  remove(): Promise<void>;
}

/**
 * Makes a new database: on the server that the settings in `environment` name, else on an embedded Postgres in a
 * temporary folder.
 * @throws when the server cannot be reached, or its user may not create databases
 */
export async function createDemoDatabase(environment: NodeJS.ProcessEnv): Promise<DemoDatabase> {
  const server = readConfig(environment).database;
  return server === undefined ? await startTemporaryPostgres(environment) : await createOn(server, environment);
}

async function startTemporaryPostgres(environment: NodeJS.ProcessEnv): Promise<DemoDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'fhir-bucket-loader-demo-'));
  try {
    const postgres = await startEmbeddedPostgres({ dataFolder: folder });
    const { host, port, user, database } = postgres.connection;
    return {
      name: `embedded Postgres (psql -h ${host} -U ${user})`,
      address: postgres.connection,
      environment: {
        ...withoutDatabase(environment),
        DATABASE_URL: `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`,
      },
      async remove() {
        await postgres.stop();
        await rm(folder, { recursive: true, force: true });
        // Another one when the temporary folder is closed to the user that Postgres runs as.
        await rm(postgres.dataFolder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A database of the demo's own, since its resources have no place among real ones. */
async function createOn(server: DatabaseAddress, environment: NodeJS.ProcessEnv): Promise<DemoDatabase> {
  const database = `fhir_demo_${randomBytes(4).toString('hex')}`;
  const quoted = pg.escapeIdentifier(database);
  await runStatement(server, `create database ${quoted}`);
  const url = environment['DATABASE_URL'] ?? '';
  return {
    name: `database ${database} on ${server.host}`,
    address: { ...server, database },
    environment: {
      ...environment,
      ...(url === '' ? { BOX_DB_DATABASE: database } : { DATABASE_URL: withDatabase(url, database) }),
    },
    remove: () => runStatement(server, `drop database if exists ${quoted} with (force)`),
  };
}

function withoutDatabase(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^(PG|BOX_DB_)/.test(name)));
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function runStatement(server: DatabaseAddress, statement: string): Promise<void> {
  const client = await connectClient(server);
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
