import { delimiter, isAbsolute, resolve } from 'node:path';
import { z } from 'zod';
import { dataAddresses, databaseAddress, databaseEnvironment } from './database-address.ts';
import { describeIssue } from './errors/describe-issue.ts';
import { ConfigError } from './errors/start-error.ts';
import { FHIR_VERSIONS } from './fhir/fhir-versions.ts';
import { type LoadableTypes, parseLoadableTypes } from './fhir/loadable-types.ts';
import { FORMATS } from './fhir/resource-format.ts';
import type { RootClient } from './http/auth.ts';
import { isLoopback } from './http/loopback.ts';
import type { ConversionDefaults } from './rpc/rpc-method.ts';
import type { SourceOptions } from './source/sources.ts';
import type { DatabaseAddress } from './store/connection-options.ts';

export interface Config {
  host: string;
  port: number;
  rootClient?: RootClient | undefined;
  /** Undefined: an embedded Postgres in `dataFolder`. */
  database?: DatabaseAddress | undefined;
  /** Nodes that take rows past the coordinator of Citus; none: all goes by `database`. */
  dataAddresses: 'auto' | readonly DatabaseAddress[];
  dataFolder: string;
  logLevel: string;
  /** Longest line of a file, in bytes. */
  maxLineBytes: number;
  /** For the long lines of all files at once, in bytes of the lines; never less than one line may have. */
  lineMemoryBytes: number;
  /** Which resource types files may be loaded into. */
  loadableTypes: LoadableTypes;
  /** Worker threads; undefined is one per core. */
  threads?: number | undefined;
  /** On Citus: whether missing tables are created as distributed ones. */
  distributeTables: boolean;
  sources: SourceOptions;
  conversion: ConversionDefaults;
  /** How long files in flight may go on after SIGTERM, in ms. */
  shutdownGraceMs: number;
}

const WHOLE = 'must be a whole number';
const wholeNumber = () =>
  z.coerce.number({ error: ({ code }) => (code === 'invalid_type' ? WHOLE : undefined) }).int({ error: WHOLE });
const port = wholeNumber().min(0).max(65_535);
/** Folders, written as in PATH. */
const fileRoots = z
  .string()
  .transform((text) => text.split(delimiter).filter((path) => path !== ''))
  .refine((paths) => paths.every((path) => isAbsolute(path)), { error: 'every folder must be an absolute path' })
  .transform((paths) => paths.map((path) => resolve(path)));
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

/** Every setting, by its environment variable. */
export const environmentSchema = z.object({
  BOX_WEB_PORT: port.default(8888),
  BOX_WEB_HOST: z.string().default('127.0.0.1'),
  BOX_ROOT_CLIENT_ID: z.string().default('root'),
  BOX_ROOT_CLIENT_SECRET: z.string().optional(),
  ...databaseEnvironment,
  FHIR_VERSION: z.string().toLowerCase().pipe(z.enum(FHIR_VERSIONS)).default('r4'),
  BOX_FHIR_CORRECT_AIDBOX_FORMAT: flag.default(true),
  LOADER_FORMAT: z.enum(FORMATS).default('fhir'),
  LOADER_DATA_FOLDER: z.string().default('data'),
  // Read before all else, by compile-cache.ts.
  LOADER_COMPILE_CACHE: z
    .string()
    .refine((text) => text === 'off' || isAbsolute(text), { error: 'must be an absolute path, or off' })
    .optional(),
  LOADER_FILE_ROOTS: fileRoots.default([]),
  LOADER_MAX_LINE_BYTES: wholeNumber()
    .min(1024)
    .max(512 * 1024 * 1024)
    .default(64 * 1024 * 1024),
  LOADER_LINE_MEMORY_BYTES: wholeNumber()
    .min(1024)
    .max(1024 ** 4)
    .optional(),
  LOADER_RESOURCE_TYPES: z.string().default(''),
  LOADER_DATA_URLS: z.string().default(''),
  LOADER_DISTRIBUTE_TABLES: flag.default(true),
  LOADER_THREADS: wholeNumber().min(1).max(256).optional(),
  LOADER_SHUTDOWN_GRACE_MS: wholeNumber().min(0).max(3_600_000).default(10_000),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  S3_ALLOW_PRIVATE_HOSTS: flag.default(false),
});

/**
 * Reads the settings from the environment, once. An empty variable counts as absent.
 * @throws ConfigError that names every setting that is wrong
 */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = environmentSchema.safeParse(given, { error: describeIssue });
  if (!parsed.success) {
    const failures = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new ConfigError(`Invalid settings. ${failures.join('. ')}.`);
  }
  const env = parsed.data;
  const secret = env.BOX_ROOT_CLIENT_SECRET;
  if (secret === undefined && !isLoopback(env.BOX_WEB_HOST)) {
    throw new ConfigError(
      `BOX_WEB_HOST is ${env.BOX_WEB_HOST}, which other machines can reach, but BOX_ROOT_CLIENT_SECRET is not set. ` +
        'Set a secret, or listen on 127.0.0.1.',
    );
  }
  return {
    host: env.BOX_WEB_HOST,
    port: env.BOX_WEB_PORT,
    rootClient: secret === undefined ? undefined : { id: env.BOX_ROOT_CLIENT_ID, secret },
    ...databasesOf(env, given),
    dataFolder: env.LOADER_DATA_FOLDER,
    logLevel: env.LOG_LEVEL,
    maxLineBytes: env.LOADER_MAX_LINE_BYTES,
    lineMemoryBytes: lineMemoryOf(env),
    loadableTypes: loadableTypesOf(env.LOADER_RESOURCE_TYPES),
    distributeTables: env.LOADER_DISTRIBUTE_TABLES,
    threads: env.LOADER_THREADS,
    sources: { allowPrivateHosts: env.S3_ALLOW_PRIVATE_HOSTS, fileRoots: env.LOADER_FILE_ROOTS },
    conversion: {
      format: env.LOADER_FORMAT,
      fhirVersion: env.FHIR_VERSION,
      convertExtensions: env.BOX_FHIR_CORRECT_AIDBOX_FORMAT,
    },
    shutdownGraceMs: env.LOADER_SHUTDOWN_GRACE_MS,
  };
}

function databasesOf(
  env: z.infer<typeof environmentSchema>,
  given: NodeJS.ProcessEnv,
): Pick<Config, 'database' | 'dataAddresses'> {
  const database = databaseAddress(env, given);
  const data = dataAddresses(env.LOADER_DATA_URLS, env);
  if (database === undefined && data.length > 0) {
    throw new ConfigError('LOADER_DATA_URLS names nodes of a database that nothing else names: set DATABASE_URL.');
  }
  return { database, dataAddresses: data };
}

function lineMemoryOf({
  LOADER_LINE_MEMORY_BYTES: bytes,
  LOADER_MAX_LINE_BYTES: longest,
}: z.infer<typeof environmentSchema>): number {
  if (bytes === undefined) return Math.ceil(1.5 * longest);
  if (bytes >= longest) return bytes;
  throw new ConfigError(
    `LOADER_LINE_MEMORY_BYTES is ${bytes}, less than a single line may take: LOADER_MAX_LINE_BYTES is ${longest}.`,
  );
}

function loadableTypesOf(text: string): LoadableTypes {
  try {
    return parseLoadableTypes(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ConfigError(
      `LOADER_RESOURCE_TYPES: ${error.message}. List type names, separated by commas; * means every table.`,
    );
  }
}
