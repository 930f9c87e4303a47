import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { z } from 'zod';
import { ANSWERS } from '../../src/rpc/answers.ts';
import { RPC_METHODS } from '../../src/rpc/dispatch.ts';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
const documentSchema = z.object({
  openrpc: z.string().regex(/^1\.3\./),
  info: z.object({ title: z.string(), version: z.string() }),
  methods: z.array(
    z.object({
      name: z.string(),
      params: z.array(z.object({ name: z.string(), required: z.boolean(), schema: z.record(z.string(), z.unknown()) })),
      result: z.object({ name: z.string(), schema: z.object({ properties: z.record(z.string(), z.unknown()) }) }),
      errors: z.array(z.object({ code: z.int(), message: z.string() })).min(5),
      'x-curl': z.string(),
    }),
  ),
});

test('GET /openrpc.json describes every method, with the schemas that calls are checked with', async () => {
  const response = await fetch(`${server.url}/openrpc.json`);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const { methods } = documentSchema.parse(await response.json());
  assert.deepEqual(
    methods.map(({ name }) => name),
    RPC_METHODS.map(({ name }) => name),
  );
  const load = methods[0]?.params ?? [];
  assert.deepEqual(
    load.filter(({ required }) => required).map(({ name }) => name),
    ['bucket'],
  );
  assert.deepEqual(load.find(({ name }) => name === 'thread-num')?.schema, {
    type: 'integer',
    minimum: 1,
    maximum: 128,
    default: 4,
  });
  for (const method of methods) assert.match(method['x-curl'], new RegExp(`"method":"${method.name}"`));
});

test('the answers of the server are what the document says, with no member more', async (t) => {
  const load = 'aidbox.bulk/load-from-bucket';
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': patients(1), 'Patient-2.ndjson': 'no json' });
  const params = { bucket: `s3://${bucket}` };
  const holds = (method: string, result: unknown) => {
    const parsed = ANSWERS[method]?.safeParse(result);
    assert.ok(parsed?.success, `${method}: ${JSON.stringify(result)}: ${parsed?.error?.message}`);
  };
  holds(load, (await server.startLoad(bucket)).body.result);
  await server.ended(bucket);
  for (const verbose of [false, true])
    holds(`${load}-status`, (await server.rpc(`${load}-status`, { ...params, verbose })).body.result);
  holds(`${load}-retry`, (await server.rpc(`${load}-retry`, params)).body.result);
  const { open, reached } = await server.gate(t, 'patient');
  const held = await server.bucketOf({ 'Patient-4.ndjson': patients(1, 'held') });
  await server.startLoad(held);
  await reached();
  holds(`${load}-cancel`, (await server.rpc(`${load}-cancel`, { bucket: `s3://${held}` })).body.result);
  await open();
  await server.ended(held);
  const lenient = await server.bucketOf({ 'Patient-3.ndjson': 'no json' });
  await server.load(lenient, { 'max-errors': 1 });
  const status = await server.rpc(`${load}-status`, { bucket: `s3://${lenient}` });
  holds(`${load}-status`, status.body.result);
  const history = 'fhir-bucket-loader/history';
  const { runs } = z
    .object({ runs: z.array(z.object({ run: z.int() })) })
    .parse((await server.rpc(history, {})).body.result);
  assert.equal(runs.length, 3);
  for (const given of [{}, { bucket: `s3://${held}`, limit: 1 }, ...runs.map(({ run }) => ({ run }))])
    holds(history, (await server.rpc(history, given)).body.result);
  const resource = { resourceType: 'Patient', id: 'pt-1' };
  const convert = 'fhir-bucket-loader/convert';
  holds(convert, (await server.rpc(convert, { resource })).body.result);
  const uri = 'Practitioner?identifier=nobody|0';
  await server.load(await server.bucketOf({ 'Observation.ndjson': [{ id: 'o', performer: [{ reference: uri }] }] }));
  const resolve = 'fhir-bucket-loader/resolve';
  const resolution = (await server.rpc(resolve, {})).body.result;
  holds(resolve, resolution);
  assert.deepEqual(resolution, { resources: 0, resolved: 0, unresolved: { Practitioner: 1 }, ambiguous: {} });
  const watch = 'fhir-bucket-loader/watch';
  holds(watch, (await server.rpc(watch, { ...params, account: server.s3.account, every: '1d' })).body.result);
  holds(`${load}-status`, (await server.rpc(`${load}-status`, params)).body.result);
  const unwatch = 'fhir-bucket-loader/unwatch';
  holds(unwatch, (await server.rpc(unwatch, params)).body.result);
  assert.deepEqual(
    Object.keys(ANSWERS),
    RPC_METHODS.map(({ name }) => name),
  );
});
