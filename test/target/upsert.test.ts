import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

interface Row {
  id: string;
  txid: string;
  status: string;
  resource: unknown;
  cts: Date;
  ts: Date;
}
const rowsOf = (table: string) =>
  server.sql<Row>(`select id, txid, status, resource, cts, ts from ${table} order by id`);

describe('upsert?', () => {
  test('overwrites existing ids (cts kept; ts, txid and status new) and creates the others', async () => {
    await server.load(await server.bucketOf({ 'Patient.ndjson': [{ id: 'kept' }, { id: 'over', a: 1, b: 2 }] }));
    const before = await rowsOf('patient');
    const bucket = await server.bucketOf({
      'Patient.ndjson': [
        { resourceType: 'Patient', id: 'over', b: 3 },
        { resourceType: 'Patient', id: 'new', c: 1 },
      ],
    });
    assert.deepEqual(await server.load(bucket, { 'upsert?': true }), {
      state: 'completed',
      progress: { total: 1, done: 1 },
    });
    assert.equal((await server.loaderFile(bucket, 'Patient.ndjson')).loaded, 2);
    const [kept, fresh, over] = await rowsOf('patient');
    const old = before.find(({ id }) => id === 'over');
    assert.deepEqual(kept, before[0]);
    assert.deepEqual([fresh?.id, fresh?.status, fresh?.resource], ['new', 'created', { c: 1 }]);
    assert.deepEqual([over?.id, over?.status, over?.resource], ['over', 'updated', { b: 3 }]);
    assert.deepEqual(over?.cts, old?.cts);
    assert.ok(old !== undefined && over !== undefined && over.ts > old.ts);
    assert.equal(over.txid, fresh?.txid);
    assert.ok(BigInt(over.txid) > BigInt(old.txid));
  });

  test('without it an existing id fails the file and changes nothing', async () => {
    await server.load(await server.bucketOf({ 'Encounter.ndjson': [{ id: 'e', a: 1 }] }));
    const before = await rowsOf('encounter');
    const bucket = await server.bucketOf({ 'Encounter.ndjson': [{ id: 'f' }, { id: 'e', a: 2 }] });
    assert.deepEqual((await server.load(bucket)).progress, { total: 1, error: 1 });
    assert.equal((await server.loaderFile(bucket, 'Encounter.ndjson')).error?.code, '23505');
    assert.deepEqual(await rowsOf('encounter'), before);
  });

  test('one id twice in a file is an error with its line, and the existing row stays', async () => {
    await server.load(await server.bucketOf({ 'Goal.ndjson': [{ id: 'g', a: 1 }] }));
    const before = await rowsOf('goal');
    const bucket = await server.bucketOf({ 'Goal.ndjson': '\n{"id":"g","a":2}\n{"id":"h"}\n\n{"id":"g","a":3}\n' });
    await server.load(bucket, { 'upsert?': true });
    const { status, message, error } = await server.loaderFile(bucket, 'Goal.ndjson');
    assert.deepEqual([status, error], ['error', { source: 'postgres', code: '23505' }]);
    assert.match(
      message ?? '',
      /id "g" stands twice in the file \(line 5; line 2 has it too\); with upsert\? an id may still stand only once/,
    );
    assert.deepEqual(await rowsOf('goal'), before);
  });

  test('one id in two files: the later file wins, both are done', async () => {
    const bucket = await server.bucketOf({ 'Flag-1.ndjson': [{ id: 'f', from: 1 }] });
    await server.s3.putObject(bucket, 'Flag-2.ndjson', '{"id":"f","from":2}\n');
    const { progress } = await server.load(bucket, {
      'upsert?': true,
      'thread-num': 1,
      scheduler: 'by-last-modified',
    });
    assert.deepEqual(progress, { total: 2, done: 2 });
    assert.deepEqual(
      (await rowsOf('flag')).map(({ resource, status }) => ({ resource, status })),
      [{ resource: { from: 2 }, status: 'updated' }],
    );
  });

  test('files of the same ids in different orders, loaded at once, all end well', async () => {
    const ids = Array.from({ length: 300 }, (_, n) => ({ id: `s-${n}` }));
    const bucket = await server.bucketOf({
      'Slot-1.ndjson': ids,
      'Slot-2.ndjson': ids.toReversed(),
      'Slot-3.ndjson': ids.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    });
    const { progress } = await server.load(bucket, { 'upsert?': true, 'thread-num': 3 });
    assert.deepEqual(progress, { total: 3, done: 3 });
    assert.deepEqual(await server.sql('select count(*)::int as n from slot'), [{ n: 300 }]);
  });

  test('a bad line takes back what was overwritten', async () => {
    await server.load(await server.bucketOf({ 'Task.ndjson': [{ id: 't', a: 1 }] }));
    const before = await rowsOf('task');
    const bucket = await server.bucketOf({ 'Task.ndjson': '{"id":"t","a":2}\n{"id":"u","a":[}\n' });
    await server.load(bucket, { 'upsert?': true });
    const { message } = await server.loaderFile(bucket, 'Task.ndjson');
    assert.match(message ?? '', /^line 2, id "u", Task: the line is not valid JSON/);
    assert.deepEqual(await rowsOf('task'), before);
  });
});
