import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import pg from 'pg';
import { FileReferences, type LoadToResolve, TooEarlyError } from '../../src/worker/file-references.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
const pool = new pg.Pool({ ...server.database.connection, max: 2 });
pool.on('error', () => {});
after(() => pool.end());
await server.load(
  await server.bucketOf({ 'Practitioner.ndjson': [{ id: 'dr-1', identifier: [{ system: 's', value: '1' }] }] }),
);

const referencesOf = (change: Partial<LoadToResolve> = {}) =>
  new FileReferences({
    bucket: 's3://bucket',
    pool,
    signal: AbortSignal.timeout(300_000),
    call: 1n,
    doneFiles: { Practitioner: 1 },
    expectedTypes: [],
    ...change,
  });
const chunkOf = (uris: readonly string[]) => Buffer.from(uris.map((uri) => `{"reference":"${uri}"}\n`).join(''));
const fills = async () =>
  (await server.sql<{ fill: string }>('select fill from fhir_bucket_loader.identifier_fill')).map(({ fill }) => fill);

describe('what a file’s references mean', () => {
  test('is known for the URIs of the chunk that was looked up, and of nothing that is not open', async () => {
    const references = referencesOf();
    await references.lookAhead(
      chunkOf(['Practitioner?identifier=s|1', 'Practitioner?identifier=s|2', 'urn:uuid:dr-1']),
    );
    const target = { result: 'resolved', type: 'Practitioner', id: 'dr-1' };
    assert.deepEqual(references.targetOf('Practitioner?identifier=s|1'), { ...target, named: 'Practitioner' });
    assert.deepEqual(references.targetOf('Practitioner?identifier=s|2'), {
      result: 'unresolved',
      named: 'Practitioner',
    });
    assert.deepEqual(references.targetOf('urn:uuid:dr-1'), { ...target, named: 'urn:uuid' });
    assert.equal(references.targetOf('http://x/Practitioner/1'), undefined);
  });

  test('is read from the rows once for all files, and again when further files or a later call have come', async () => {
    const look = (change: Parameters<typeof referencesOf>[0]) =>
      referencesOf(change).lookAhead(chunkOf(['Practitioner?identifier=s|1']));
    await Promise.all([look({}), look({}), look({})]);
    const first = await fills();
    assert.equal(first.length, 1);
    await look({});
    assert.deepEqual(await fills(), first);
    await look({ doneFiles: { Practitioner: 2 } });
    const second = await fills();
    assert.notDeepEqual(second, first);
    await look({ doneFiles: { Practitioner: 1 } });
    assert.deepEqual(await fills(), second, 'a fresher copy serves older files');
    await look({ call: 2n });
    assert.notDeepEqual(await fills(), second);
    assert.equal(
      (await server.sql('select from fhir_bucket_loader.identifier')).length,
      1,
      'former copies are deleted',
    );
  });

  test('is copied again where somebody has deleted the copy, and where a crash has emptied the tables', async () => {
    const references = referencesOf();
    await references.lookAhead(chunkOf(['Practitioner?identifier=s|2']));
    await server.sql('truncate fhir_bucket_loader.identifier, fhir_bucket_loader.identifier_fill');
    await references.lookAhead(chunkOf(['Practitioner?identifier=s|1']));
    assert.equal(references.targetOf('Practitioner?identifier=s|1')?.result, 'resolved');
  });

  test('is known too early where files of its type, or of any for urn:uuid, are still to come', async () => {
    const references = referencesOf({ expectedTypes: ['Practitioner'] });
    const uris = [
      'Practitioner?identifier=s|1',
      'Practitioner?identifier=s|2',
      'Patient?identifier=s|2',
      'urn:uuid:none',
    ];
    await references.lookAhead(chunkOf(uris));
    const results = [...uris, 'Practitioner?name=x', 'Practitioner?identifier=s|1&a=b'].map((uri) => {
      try {
        return references.targetOf(uri)?.result;
      } catch (error) {
        assert.ok(error instanceof TooEarlyError);
        return 'too early';
      }
    });
    assert.deepEqual(results, ['resolved', 'too early', 'unresolved', 'too early', 'unresolved', 'unresolved']);
  });

  test('takes no more memory the more there are', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const used = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const references = referencesOf();
    const look = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        await references.lookAhead(
          chunkOf(Array.from({ length: 4_000 }, (_, k) => `Practitioner?identifier=s|${n}-${k}`)),
        );
      }
    };
    await look(0, 20);
    const before = used();
    await look(20, 120);
    const grown = used() - before;
    // 400,000 further URIs: remembered, they took 49 MB.
    assert.ok(grown < 15e6, `${Math.round(grown / 1e6)} MB more`);
    assert.equal(references.targetOf('Practitioner?identifier=s|119-3999')?.result, 'unresolved');
  });
});
