import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { ANSWER_EXAMPLES } from '../../docs/generator/answer-examples.ts';
import { apiReference } from '../../docs/generator/api-reference.ts';
import { RPC_METHODS } from '../../src/rpc/dispatch.ts';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';

describe('docs/api.md', () => {
  test('is current; `npm run docs` makes it so', () => {
    assert.equal(readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8'), apiReference());
  });

  test('every method has an example of its answer', () => {
    assert.deepEqual(Object.keys(ANSWER_EXAMPLES).sort(), RPC_METHODS.map(({ name }) => name).sort());
  });

  test('the examples have the members that the server answers', async () => {
    const server = await startTestServer({ after });
    const bucket = await server.bucketOf({ 'Patient-1.ndjson': patients(1), 'Patient-2.ndjson': 'no json' });
    const params = { bucket: `s3://${bucket}` };
    const same = (name: string, at: number, answered: unknown, varying: readonly string[] = []) => {
      const keys = (value: unknown) =>
        Object.keys(value ?? {})
          .filter((key) => !varying.includes(key))
          .sort();
      assert.deepEqual(keys(ANSWER_EXAMPLES[name]?.[at]?.result), keys(answered), name);
    };
    const load = 'aidbox.bulk/load-from-bucket';
    same(load, 0, (await server.startLoad(bucket)).body.result);
    await server.ended(bucket);
    same(`${load}-status`, 0, (await server.rpc(`${load}-status`, params)).body.result);
    const verbose = (await server.rpc(`${load}-status`, { ...params, verbose: true })).body.result;
    same(`${load}-status`, 1, verbose, ['eta-seconds']);
    const lenient = await server.bucketOf({ 'Patient-3.ndjson': 'no json' });
    await server.load(lenient, { 'max-errors': 1 });
    const status = await server.rpc(`${load}-status`, { bucket: `s3://${lenient}` });
    same(`${load}-status`, 2, status.body.result);
    const history = 'fhir-bucket-loader/history';
    const runsOf = async (given: object) =>
      ((await server.rpc(history, given)).body.result ?? {}) as { runs?: object[] };
    const example = (at: number) => (ANSWER_EXAMPLES[history]?.[at]?.result ?? {}) as { runs?: object[] };
    const { runs = [], ...rest } = await runsOf({ limit: 1 });
    assert.deepEqual(Object.keys(rest), ['next-before']);
    for (const [at, answered] of [runs[0], (await runsOf({ run: 1 })).runs?.[0]].entries())
      assert.deepEqual(Object.keys(example(at).runs?.[0] ?? {}).sort(), Object.keys(answered ?? {}).sort());
    same('fhir-bucket-loader/resolve', 0, (await server.rpc('fhir-bucket-loader/resolve')).body.result);
    const patient = { resourceType: 'Patient', id: 'pt-1', managingOrganization: { reference: 'Organization/o-1' } };
    const converted = await server.rpc('fhir-bucket-loader/convert', { resource: patient });
    assert.deepEqual(converted.body.result, ANSWER_EXAMPLES['fhir-bucket-loader/convert']?.[0]?.result);
    same(`${load}-retry`, 0, (await server.rpc(`${load}-retry`, params)).body.result);
  });
});
