import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = await startTestServer({ after });
const DELETE = { 'apply-deletions?': true };

/** A line as FHIR's Bulk Data Access has it. */
const bundle = (...urls: string[]) => ({
  resourceType: 'Bundle',
  id: 'bundle-transaction',
  type: 'transaction',
  entry: urls.map((url) => ({ request: { method: 'DELETE', url } })),
});

const idsOf = async (table: string) =>
  (await server.sql<{ id: string }>(`select id from ${table} order by id`)).map(({ id }) => id);
const versionsOf = (table: string) =>
  server.sql<{ id: string; txid: string; ts: Date; cts: Date; status: string; resource: unknown }>(
    `select id, txid, ts, cts, status::text as status, resource from ${table} order by id, txid`,
  );
const outcomeOf = async (bucket: string, key: string) => {
  const { status, loaded, deleted, missing } = await server.loaderFile(bucket, key);
  return { status, loaded, deleted, missing };
};

describe('apply-deletions?', () => {
  test('deletes what files in deleted/ and Bundle files name, of any type, each id once, and counts what is not there', async () => {
    const bucket = await server.bucketOf({
      'Account.ndjson': ['a', 'b', 'c'].map((id) => ({ id })),
      'Appointment.ndjson': [{ id: 'a' }],
      'run/deleted/Account.ndjson.gz': [bundle('Account/a', 'Account/gone'), bundle('Account/a')],
      'Bundle-1.ndjson': [bundle('Account/b', 'Appointment/a', 'VisionPrescription/1')],
    });
    const { state, progress } = await server.load(bucket, DELETE);
    assert.deepEqual([state, progress], ['completed', { total: 4, done: 4 }]);
    assert.deepEqual(await outcomeOf(bucket, 'run/deleted/Account.ndjson.gz'), {
      status: 'done',
      loaded: 0,
      deleted: 1,
      missing: 1,
    });
    assert.deepEqual(await outcomeOf(bucket, 'Bundle-1.ndjson'), { status: 'done', loaded: 0, deleted: 2, missing: 1 });
    assert.deepEqual([await idsOf('account'), await idsOf('appointment')], [['c'], []]);
    const made = await server.sql(`select to_regclass('bundle') as bundle, to_regclass('visionprescription') as other`);
    assert.deepEqual(made, [{ bundle: null, other: null }]);
    const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', {
      bucket: `s3://${bucket}`,
      verbose: true,
    });
    assert.deepEqual(JSON.parse(JSON.stringify(body.result)).resources, { loaded: 4, deleted: 3, missing: 2 });
  });

  test('with history? the last version is kept, then one that says deleted; made again it is recreated', async () => {
    const params = { ...DELETE, 'upsert?': true, 'history?': true };
    await server.load(await server.bucketOf({ 'Basic.ndjson': [{ id: 'b', n: 1 }, { id: 'stays' }] }), params);
    const [before] = await versionsOf('basic');
    const bucket = await server.bucketOf({ 'deleted/Basic.ndjson': [bundle('Basic/b', 'Basic/never')] });
    await server.load(bucket, params);
    assert.deepEqual(await outcomeOf(bucket, 'deleted/Basic.ndjson'), {
      status: 'done',
      loaded: 0,
      deleted: 1,
      missing: 1,
    });
    assert.deepEqual(await idsOf('basic'), ['stays']);
    const [last, deleted, ...others] = await versionsOf('basic_history');
    assert.deepEqual([last, others], [before, []]);
    assert.ok(before !== undefined && deleted !== undefined);
    assert.deepEqual(
      [deleted.id, deleted.status, deleted.resource, deleted.cts],
      ['b', 'deleted', { n: 1 }, before.cts],
    );
    assert.ok(BigInt(deleted.txid) > BigInt(before.txid) && deleted.ts > before.ts);
    await server.load(await server.bucketOf({ 'Basic-2.ndjson': [{ id: 'b', n: 2 }] }), params);
    assert.deepEqual(
      (await versionsOf('basic')).map(({ id, status }) => `${id} ${status}`),
      ['b recreated', 'stays created'],
    );
  });

  for (const [type, params] of [
    ['Measure', {}],
    ['Schedule', { 'max-errors': 5 }],
    ['Substance', { 'keep-last-updated?': true }],
  ] as const) {
    test(`without upsert? as well: made again it is recreated, after its deletion, and what exists is refused (${JSON.stringify(params)})`, async () => {
      const table = type.toLowerCase();
      const history = { ...DELETE, 'history?': true, ...params };
      await server.load(await server.bucketOf({ [`${type}.ndjson`]: [{ id: 'c', n: 1 }, { id: 'stays' }] }), history);
      await server.load(await server.bucketOf({ [`deleted/${type}.ndjson`]: [bundle(`${type}/c`)] }), history);
      // As where the file's number was taken before that of the deletion.
      await server.sql(`update ${table}_history set txid = txid + 1000 where status = 'deleted'`);
      const [, deleted] = await versionsOf(`${table}_history`);
      const again = await server.bucketOf({ [`${type}-2.ndjson`]: [{ id: 'c', n: 2 }, { id: 'new' }] });
      await server.load(again, history);
      const { status, loaded } = await server.loaderFile(again, `${type}-2.ndjson`);
      assert.deepEqual([status, loaded], ['done', 2]);
      const versions = await versionsOf(table);
      assert.deepEqual(
        versions.map(({ id, status }) => `${id} ${status}`),
        ['c recreated', 'new created', 'stays created'],
      );
      const [recreated] = versions;
      assert.ok(deleted !== undefined && recreated !== undefined);
      assert.ok(BigInt(recreated.txid) > BigInt(deleted.txid) && recreated.ts > deleted.ts);
      const existing = await server.bucketOf({ [`${type}-3.ndjson`]: [{ id: 'c', n: 3 }] });
      await server.load(existing, history);
      const refused = await server.loaderFile(existing, `${type}-3.ndjson`);
      assert.equal(
        'max-errors' in params ? refused['lines-left-out'] : refused.error?.code,
        'max-errors' in params ? 1 : '23505',
      );
      assert.deepEqual(await versionsOf(table), versions);
    });
  }

  test('an absent history table is created, and one that is unfit is refused by name before a row is deleted', async () => {
    const params = { ...DELETE, 'history?': true };
    await server.load(await server.bucketOf({ 'Claim.ndjson': [{ id: '1' }, { id: '2' }] }));
    await server.sql('drop table claim_history');
    await server.load(await server.bucketOf({ 'deleted/Claim.ndjson': [bundle('Claim/1')] }), params);
    assert.deepEqual(
      (await versionsOf('claim_history')).map(({ status }) => status),
      ['created', 'deleted'],
    );
    await server.sql('alter table claim_history drop column cts');
    const bucket = await server.bucketOf({ 'deleted/Claim-2.ndjson': [bundle('Claim/2')] });
    await server.load(bucket, params);
    const { error, message = '' } = await server.loaderFile(bucket, 'deleted/Claim-2.ndjson');
    assert.deepEqual(error, { source: 'aidbox', code: 'unfit-table' });
    assert.match(message, /public\.claim_history cannot be used: column cts is missing/);
    assert.deepEqual(await idsOf('claim'), ['2']);
  });

  test('anything else in such a file is a bad line, and nothing of the file is deleted', async () => {
    await server.load(await server.bucketOf({ 'Goal.ndjson': [{ id: 'g' }] }));
    const entry = (change: object) => ({
      ...bundle(),
      entry: [{ request: { method: 'DELETE', url: 'Goal/g' }, ...change }],
    });
    const bad: [line: object | string, code: string, message: RegExp][] = [
      [{ resourceType: 'Goal', id: 'g' }, 'not-a-deletion', /Bundle\.resourceType: /],
      [{ ...bundle('Goal/g'), type: 'batch' }, 'not-a-deletion', /Bundle\.type: /],
      [bundle(), 'not-a-deletion', /Bundle\.entry: .*must have an entry/],
      [bundle('Goal/g/_history/2'), 'not-a-deletion', /must be <type>\/<id>/],
      [bundle('Goal/g%20'), 'not-a-deletion', /must be <type>\/<id>/],
      [entry({ request: { method: 'DELETE', url: 'Goal/g', ifMatch: 'W/"1"' } }), 'not-a-deletion', /ifMatch/],
      [
        { ...bundle('Goal/g'), entry: [...bundle('Goal/g').entry, { request: { method: 'GET', url: 'Goal/g' } }] },
        'not-a-deletion',
        /Bundle\.entry\[1\]\.request\.method: /,
      ],
      [entry({ resource: { resourceType: 'Goal' } }), 'not-a-deletion', /Bundle\.entry\[0\]: /],
      [entry({ request: { method: 'PUT', url: 'Goal/g' } }), 'not-a-deletion', /Bundle\.entry\[0\]\.request\.method: /],
      [
        entry({ request: { method: 'DELETE', url: 'Goal?x=1' } }),
        'not-a-deletion',
        /entry\[0\]\.request\.url: .*must be <type>\/<id>/,
      ],
      [entry({ request: { method: 'DELETE', url: 'http://x/Goal/g' } }), 'not-a-deletion', /request\.url/],
      [bundle('Goal/g', 'AccessPolicy/p'), 'type-not-loadable', /Bundle\.entry\[1\]: AccessPolicy is not deleted/],
      [bundle('LoaderFile/x'), 'type-not-loadable', /LoaderFile/],
      ['{"resourceType":', 'not-json', /not valid JSON/],
    ];
    for (const [index, [line, code, message]] of bad.entries()) {
      const key = `deleted/Goal-${index}.ndjson`;
      const text = typeof line === 'string' ? line : JSON.stringify(line);
      const bucket = await server.bucketOf({ [key]: `${JSON.stringify(bundle('Goal/g'))}\n\n${text}\n` });
      await server.load(bucket, DELETE);
      const file = await server.loaderFile(bucket, key);
      assert.deepEqual(file.error, { source: 'aidbox', code }, text);
      assert.match(file.message ?? '', message);
      assert.match(file.message ?? '', /^line 3/);
    }
    assert.deepEqual(await idsOf('goal'), ['g']);
    const bucket = await server.bucketOf({
      'Bundle.ndjson': [bundle('Goal/g'), { resourceType: 'Bundle', id: 'x', type: 'collection' }],
    });
    await server.load(bucket, { ...DELETE, 'max-errors': 1 });
    const { loaded, deleted, 'lines-left-out': left } = await server.loaderFile(bucket, 'Bundle.ndjson');
    assert.deepEqual([loaded, deleted, left], [0, 1, 1]);
    assert.deepEqual(await idsOf('goal'), []);
  });

  test('a Bundle of very many deletes, and ids that are not FHIR’s', async () => {
    const ids = Array.from({ length: 20_000 }, (_, n) => `m-${n}`);
    const odd = ['under_score', 'til~de'];
    const bucket = await server.bucketOf({
      'Media.ndjson': [...ids, ...odd, 'stays'].map((id) => ({ id })),
      'deleted/Media.ndjson': [bundle(...[...ids, ...odd].map((id) => `Media/${id}`))],
    });
    await server.load(bucket, DELETE);
    assert.equal((await outcomeOf(bucket, 'deleted/Media.ndjson')).deleted, ids.length + odd.length);
    assert.deepEqual(await idsOf('media'), ['stays']);
  });

  test('without it Bundles are resources like all others', async () => {
    const bucket = await server.bucketOf({ 'Bundle.ndjson': [bundle('Goal/g')] });
    await server.load(bucket);
    assert.deepEqual(await idsOf('bundle'), ['bundle-transaction']);
  });

  test('a trigger that keeps a row fails the file', async () => {
    await server.load(await server.bucketOf({ 'Device.ndjson': [{ id: 'd' }, { id: 'e' }] }));
    await server.sql(`
      create function keep() returns trigger language plpgsql as
        $$ begin return case when old.id = 'd' then null else old end; end $$;
      create trigger keep before delete on device for each row execute function keep()`);
    const bucket = await server.bucketOf({ 'deleted/Device.ndjson': [bundle('Device/d', 'Device/e')] });
    await server.load(bucket, DELETE);
    const { error, message = '' } = await server.loaderFile(bucket, 'deleted/Device.ndjson');
    assert.deepEqual(error, { source: 'aidbox', code: 'rows-kept-out' });
    assert.match(message, /deleted 1 of 2 rows: a trigger or rule of device/);
    assert.deepEqual(await idsOf('device'), ['d', 'e']);
  });

  test('is refused with drop-primary-key?', async () => {
    const { status } = await server.startLoad(await server.bucketOf({}), { ...DELETE, 'drop-primary-key?': true });
    assert.equal(status, 422);
  });
});

describe('files of deletions', () => {
  test('begin once no other file of the bucket is unfinished, on any replica', async (t) => {
    await server.load(await server.bucketOf({ 'Flag.ndjson': '' }));
    const other = await startTestServer(t, { database: server.database, s3: server.s3 });
    const gate = await server.gate(t, 'flag');
    const bucket = await server.bucketOf({
      'Flag-1.ndjson': [{ id: 'f' }, { id: 'g' }],
      'deleted/Flag.ndjson': [bundle('Flag/f')],
      'List.ndjson': [{ id: 'l' }],
    });
    await server.startLoad(bucket, DELETE);
    await gate.reached();
    // The other replica has nothing to do but the deletions.
    await other.startLoad(bucket, DELETE);
    const isDone = async () => (await server.loaderFile(bucket, 'List.ndjson')).status === 'done';
    await waitFor(isDone, { what: 'the end of another file' });
    assert.equal((await server.loaderFile(bucket, 'deleted/Flag.ndjson')).status, 'pending');
    await gate.open();
    assert.deepEqual((await server.ended(bucket)).progress, { total: 3, done: 3 });
    assert.deepEqual(await idsOf('flag'), ['g']);
  });

  test('begin though another file has failed', async () => {
    const bucket = await server.bucketOf({ 'Slot.ndjson': 'x', 'deleted/Slot.ndjson': [bundle('Slot/s')] });
    assert.deepEqual((await server.load(bucket, DELETE)).progress, { total: 2, done: 1, error: 1 });
  });
});
