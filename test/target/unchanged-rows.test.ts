import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

/** All that Postgres knows of the rows: a write, and a lock as well, would show in the system columns. */
const rowsOf = (table: string) =>
  server.sql<Record<string, unknown>>(`select ctid, xmin, xmax, * from ${table} order by id`);

/** Loads lines into a type's table by a file of its own. @returns what its LoaderFile counted */
async function upsert(type: string, lines: readonly object[] | string, params: object = {}) {
  const key = `${type}.ndjson`;
  const bucket = await server.bucketOf({ [key]: lines });
  await server.load(bucket, { 'upsert?': true, ...params });
  const { status, loaded, created, updated, unchanged, message } = await server.loaderFile(bucket, key);
  return { status, counts: [loaded, created, updated, unchanged], message };
}

describe('upsert?, of rows that the table has already', () => {
  for (const params of [{}, { 'max-errors': 10 }]) {
    test(`the same are neither written nor locked, others are, each is counted (${JSON.stringify(params)})`, async () => {
      const type = 'max-errors' in params ? 'Account' : 'Appointment';
      const long = 'lorem ipsum '.repeat(5_000);
      const lines = [
        { id: 'changed', n: 1 },
        { id: 'long', note: [{ text: long }] },
        { id: 'same', n: 1, subject: { reference: 'Patient/1' } },
      ];
      assert.deepEqual(await upsert(type, lines, params), {
        status: 'done',
        counts: [3, 3, 0, 0],
        message: undefined,
      });
      const before = await rowsOf(type.toLowerCase());
      const { counts } = await upsert(type, [{ id: 'changed', n: 2 }, ...lines.slice(1), { id: 'new' }], params);
      assert.deepEqual(counts, [4, 1, 1, 2]);
      const [changed, long2, fresh, same] = await rowsOf(type.toLowerCase());
      assert.deepEqual([long2, same], before.slice(1));
      assert.deepEqual([changed?.['status'], changed?.['resource']], ['updated', { n: 2 }]);
      assert.equal(fresh?.['status'], 'created');
      assert.equal(changed?.['txid'], fresh?.['txid']);
    });
  }

  test('keys in another order, and blanks, are no change; 1.00 for 1.0, null for absent and 1 for "1" are', async () => {
    await upsert(
      'Basic',
      '{"id":"order","a":1,"b":[1.50,{"c":"\\u00e9"}]}\n{"id":"digits","v":1.0}\n{"id":"exponent","v":100}\n{"id":"null"}\n{"id":"text","v":1}\n',
    );
    const { counts } = await upsert(
      'Basic',
      '{"b": [1.50, {"c":"é"}], "a": 1, "id":"order"}\n{"id":"digits","v":1.00}\n{"id":"exponent","v":1e2}\n{"id":"null","v":null}\n{"id":"text","v":"1"}\n',
    );
    assert.deepEqual(counts, [5, 0, 3, 2]);
    assert.deepEqual(await server.sql(`select resource::text as text from basic where id = 'digits'`), [
      { text: '{"v": 1.00}' },
    ]);
    assert.deepEqual(await server.sql(`select id from basic where status = 'created' order by id`), [
      { id: 'exponent' },
      { id: 'order' },
    ]);
  });

  test('what was loaded as it stands counts as changed once it is converted, and not a second time', async () => {
    const lines = [{ id: 'e', subject: { reference: 'Patient/1' } }];
    await upsert('Encounter', lines, { format: 'as-is' });
    assert.deepEqual((await upsert('Encounter', lines)).counts, [1, 0, 1, 0]);
    assert.deepEqual((await upsert('Encounter', lines)).counts, [1, 0, 0, 1]);
  });

  test('meta.lastUpdated counts where it is kept, and nowhere else; lines without it stay as they are', async () => {
    const at = (lastUpdated: string) => [{ id: 'g', meta: { lastUpdated } }, { id: 'h' }];
    const keep = { 'keep-last-updated?': true };
    await upsert('Goal', at('2024-01-01T00:00:00Z'), keep);
    assert.deepEqual((await upsert('Goal', at('2024-01-01T01:00:00+01:00'), keep)).counts, [2, 0, 0, 2]);
    assert.deepEqual((await upsert('Goal', at('2024-01-02T00:00:00Z'), keep)).counts, [2, 0, 1, 1]);
    assert.deepEqual((await upsert('Goal', at('2024-01-03T00:00:00Z'))).counts, [2, 0, 0, 2]);
    const [row] = await server.sql<{ ts: Date }>(`select ts from goal where id = 'g'`);
    assert.equal(row?.ts.toISOString(), '2024-01-02T00:00:00.000Z');
  });

  test('one id twice is an error, with both lines the same as the table’s too', async () => {
    await upsert('Flag', [{ id: 'f' }, { id: 'g' }]);
    const before = await rowsOf('flag');
    const { status, message } = await upsert('Flag', '{"id":"f"}\n\n{"id":"g"}\n{"id":"f"}\n');
    assert.equal(status, 'error');
    assert.match(message ?? '', /^23505: id "f" stands twice in the file \(line 4; line 1 has it too\)/);
    assert.deepEqual(await rowsOf('flag'), before);
  });

  test('20,000 rows, of which every hundredth is new', async () => {
    const lines = (offset: number) =>
      Array.from({ length: 20_000 }, (_, n) => ({ id: `d-${n + offset}`, text: 'x'.repeat(100) }));
    assert.deepEqual((await upsert('Device', lines(0))).counts, [20_000, 20_000, 0, 0]);
    assert.deepEqual((await upsert('Device', lines(200))).counts, [20_000, 200, 0, 19_800]);
  });

  test('the counts are gone while a file is loaded once more, and searchable over REST', async (t) => {
    const bucket = await server.bucketOf({ 'Immunization.ndjson': [{ id: 'a' }] });
    await server.load(bucket, { 'upsert?': true });
    const found = await fetch(`${server.url}/LoaderFile?type=Immunization&created=1&updated=0&unchanged=0`);
    assert.match(await found.text(), /"total":1/);
    await server.sql(
      `update loaderfile set resource = resource || '{"status":"error"}' where resource ->> 'type' = 'Immunization'`,
    );
    const gate = await server.gate(t, 'immunization');
    await server.sql(`update immunization set resource = '{"n":1}'`);
    await server.rpc('aidbox.bulk/load-from-bucket-retry', { bucket: `s3://${bucket}` });
    await server.startLoad(bucket, { 'upsert?': true });
    await gate.reached();
    assert.equal((await server.loaderFile(bucket, 'Immunization.ndjson')).created, undefined);
    await gate.open();
    await server.ended(bucket);
    assert.equal((await server.loaderFile(bucket, 'Immunization.ndjson')).updated, 1);
  });
});

describe('upsert? beside another writer, who commits between the look at the rows and their writing', () => {
  test('is the last to write what it had to write, and leaves the rest as the other left it', async (t) => {
    await upsert(
      'Claim',
      ['same', 'same-deleted', 'over', 'over-deleted'].map((id) => ({ id, by: 'first' })),
    );
    const gate = await server.gate(t, 'claim');
    const bucket = await server.bucketOf({
      'Claim.ndjson': [
        { id: 'same', by: 'first' },
        { id: 'same-deleted', by: 'first' },
        ...['over', 'over-deleted', 'new', 'new-too'].map((id) => ({ id, by: 'file' })),
      ],
    });
    await server.startLoad(bucket, { 'upsert?': true });
    await gate.reached();
    await server.sql(`
      set session_replication_role = replica;
      update claim set resource = '{"by":"other"}', txid = nextval('transaction_id_seq'), status = 'updated' where id in ('same', 'over');
      delete from claim where id in ('same-deleted', 'over-deleted');
      insert into claim (id, txid, resource_type, status, resource)
      values ('new', nextval('transaction_id_seq'), 'Claim', 'created', '{"by":"other"}');
      set session_replication_role = origin`);
    await gate.open();
    assert.deepEqual((await server.ended(bucket)).progress, { total: 1, done: 1 });
    assert.deepEqual(
      await server.sql(`select id, resource ->> 'by' as by, status::text as status from claim order by id`),
      [
        { id: 'new', by: 'file', status: 'updated' },
        { id: 'new-too', by: 'file', status: 'created' },
        { id: 'over', by: 'file', status: 'updated' },
        { id: 'over-deleted', by: 'file', status: 'created' },
        { id: 'same', by: 'other', status: 'updated' },
      ],
    );
    const { loaded, created, updated, unchanged } = await server.loaderFile(bucket, 'Claim.ndjson');
    assert.deepEqual([loaded, created, updated, unchanged], [6, 2, 2, 2]);
  });
});
