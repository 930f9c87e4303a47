import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { readConfig } from '../src/config.ts';
import { readCommandLine } from './command-line.ts';
import { countResources, type TypeCount } from './count-resources.ts';
import { createDemoDatabase, type DemoDatabase } from './demo-database.ts';
import type { BucketFill } from './fill-bucket.ts';
import { fillWithProgress } from './fill-with-progress.ts';
import { followLoad } from './follow-load.ts';
import { formatCount, formatMegabytes, formatSeconds, formatTable } from './format.ts';
import { RpcClient } from './rpc-client.ts';
import { runUntilEnd, untilInterrupted } from './run-until-end.ts';
import { type DemoEndpoint, startS3Endpoint } from './s3-endpoint.ts';
import { startServerProcess } from './server-process.ts';

const DEFAULT_RESOURCES = 120_000;
const BUCKET = 'fhir-demo';
const BUCKET_URL = `s3://${BUCKET}`;

/**
 * The whole way, from nothing to resources in Postgres: an S3 endpoint with generated FHIR files, a database, the
 * server, the RPC call, and a count by SQL of what arrived. Everything started here is ended and removed again.
 */
await runUntilEnd(async ({ signal, defer }) => {
  const { data, flags } = readCommandLine({ resources: DEFAULT_RESOURCES, flags: ['keep'] });
  // Settings that the server would refuse are better said now than after the bucket is full.
  readConfig(process.env);

  const endpoint = await startS3Endpoint();
  defer(() => endpoint.close());
  const filled = await fillWithProgress(endpoint.account, BUCKET, data, signal);

  print('Starting Postgres and the server …');
  const database = await createDemoDatabase(process.env);
  defer(() => database.remove());
  const secret = randomBytes(12).toString('hex');
  const server = await startServerProcess(serverEnvironment(database, secret), signal);
  defer(() => server.stop());
  print(`Server at ${server.url}, on ${database.name}`);
  print(`Live page ${server.url}/ (client root, secret ${secret})\n`);

  const rpc = new RpcClient(server.url, secret);
  const died = server.ended.then((reason) => {
    throw reason;
  });
  const loaded = load(rpc, endpoint, database, filled, signal).catch(async (error: unknown) => {
    // A call fails a moment before its server is known to have died, which says more.
    await Promise.race([died, delay(500, undefined, { signal })]);
    throw error;
  });
  const { ms, right } = await Promise.race([loaded, died]);
  const rate = `${formatCount(filled.resources / (ms / 1000))} resources/s, ${formatMegabytes(filled.rawBytes / (ms / 1000))}/s of ndjson`;
  print(`Loaded in ${formatSeconds(ms)}: ${rate}.`);

  if (flags.has('keep')) {
    print(`\nStill running until Ctrl-C: the server (curl -u root:${secret} ${server.url}/LoaderFile), S3 at`);
    print(`${endpoint.account.host}, and ${database.name}.`);
    await Promise.race([untilInterrupted(signal), died]);
  }
  return right ? 0 : 1;
});

function serverEnvironment(database: DemoDatabase, secret: string): NodeJS.ProcessEnv {
  return {
    ...database.environment,
    BOX_ROOT_CLIENT_ID: 'root',
    BOX_ROOT_CLIENT_SECRET: secret,
    S3_ALLOW_PRIVATE_HOSTS: 'true',
    // An interrupt of the demo does not wait for files to be loaded.
    LOADER_SHUTDOWN_GRACE_MS: '0',
  };
}

/** The RPC call, its progress, and what Postgres says at the end. */
async function load(
  rpc: RpcClient,
  endpoint: DemoEndpoint,
  database: DemoDatabase,
  filled: BucketFill,
  signal: AbortSignal,
): Promise<{ ms: number; right: boolean }> {
  const method = 'aidbox.bulk/load-from-bucket';
  const params = { bucket: BUCKET_URL, 'thread-num': 4, account: endpoint.account };
  print(rpc.toCurl(method, params));
  const started = performance.now();
  const { text: answer } = await rpc.call(method, params, signal);
  print(answer);

  await followLoad(BUCKET_URL, rpc, signal);
  const ms = performance.now() - started;
  const asked = { bucket: BUCKET_URL };
  const { text, result } = await rpc.call('aidbox.bulk/load-from-bucket-status', asked, signal);
  const { state } = z.object({ state: z.string() }).parse(result);
  print(`\n${rpc.toCurl('aidbox.bulk/load-from-bucket-status', asked)}\n${text}`);

  const { counts, failed } = await countResources(database.address, filled);
  print(`${table(counts)}\n`);
  for (const { file, message } of failed) print(`${file} failed: ${message}`);
  const right = counts.every(({ expected, counted }) => expected === counted);
  if (!right || state !== 'completed') print(`Not everything is there; the load's state is ${state}.`);
  return { ms, right: right && failed.length === 0 && state === 'completed' };
}

function table(counts: readonly TypeCount[]): string {
  const row = ({ type, expected, counted }: TypeCount) => [
    type,
    formatCount(expected),
    formatCount(counted),
    expected === counted ? '' : 'DIFFERS',
  ];
  const sum = (count: (each: TypeCount) => number) => counts.reduce((total, each) => total + count(each), 0);
  const total = { type: 'all', expected: sum((each) => each.expected), counted: sum((each) => each.counted) };
  return formatTable([['resource type', 'in the bucket', 'in Postgres', ''], ...counts.map(row), row(total)]);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
