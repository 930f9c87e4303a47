import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { OddS3Server } from '../support/odd-s3-server.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
const METHOD = 'aidbox.bulk/load-from-bucket';

/** LoaderFiles of a bucket, and whether the bucket counts as called for. */
const traces = async (bucket: string) => ({
  files: (await server.sql(`select from loaderfile where resource ->> 'bucket' = $1`, [bucket])).length,
  calls: (await server.sql('select from fhir_bucket_loader.bucket_load where bucket = $1', [bucket])).length,
});

describe('load-from-bucket answers', () => {
  test('what was queued, at once and in the form that Aidbox documents', async () => {
    const bucket = await server.bucketOf({
      'fhir/1/Patient.ndjson.gz': patients(1, 'shape-a'),
      'fhir/1/patient-01.ndjson.gz': patients(1, 'shape-b'),
      'Observation.ndjson.gz': [{ resourceType: 'Observation', id: 'o' }],
    });
    const { status, body } = await server.startLoad(bucket);
    assert.equal(status, 200);
    assert.deepEqual(body, {
      result: {
        message: `Upload from bucket <s3://${bucket}> started. 3 new files added.`,
        progress: { total: 3 },
        'new-files-count': 3,
      },
    });
    await server.ended(bucket);
  });

  test('that all files are ignored, by which rule, and an example', async () => {
    const bucket = await server.bucketOf({ 'import.ndjson': '', '01-patient.csv': '' });
    const { status, body } = await server.startLoad(bucket);
    assert.equal(status, 200);
    assert.deepEqual(body.result, {
      message:
        `Upload from bucket <s3://${bucket}> started. 0 new files added. 2 files ignored for their names, as ` +
        `"01-patient.csv": a file's name begins with a resource type, then something that is no letter, and ends in ` +
        '.ndjson, .ndjson.zst or .ndjson.gz, as fhir/1/Patient-01.ndjson.gz.',
      progress: { total: 0 },
      'new-files-count': 0,
    });
  });

  test('which prefixes match nothing, and that keys have no leading slash', async () => {
    const bucket = await server.bucketOf({ 'fhir/Patient.ndjson': '' });
    const message = async (of: string, prefixes: string[]) => {
      const { body } = await server.startLoad(of, { prefixes });
      return JSON.parse(JSON.stringify(body.result)).message.replace(/^.*files added\./, '');
    };
    assert.equal(
      await message(bucket, ['fhir/', '/fhir/', 'other/']),
      ' No key starts with "/fhir/": keys begin without a slash, as "fhir/". No key starts with "other/".',
    );
    assert.equal(await message(bucket, ['fhir/']), '');
    assert.equal(await message(await server.bucketOf({}), []), ' The bucket has no objects.');
  });

  test('how many files are ignored for their names, and in total the files of earlier calls too', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(1, 'again-a') });
    await server.load(bucket);
    await server.s3.putObject(bucket, 'Patient-2.ndjson', '{"id":"again-b"}');
    await server.s3.putObject(bucket, 'import.ndjson', '');
    await server.s3.putObject(bucket, 'readme.txt', '');
    await server.s3.putObject(bucket, 'a folder/', '');
    const { body } = await server.startLoad(bucket);
    assert.deepEqual(body.result, {
      message: `Upload from bucket <s3://${bucket}> started. 1 new files added. 2 files ignored for their names.`,
      progress: { total: 2 },
      'new-files-count': 1,
    });
    await server.ended(bucket);
  });

  test('an empty bucket: nothing to do, completed', async () => {
    const bucket = await server.bucketOf({});
    const { body } = await server.startLoad(bucket);
    assert.deepEqual(body.result, {
      message: `Upload from bucket <s3://${bucket}> started. 0 new files added. The bucket has no objects.`,
      progress: { total: 0 },
      'new-files-count': 0,
    });
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 0 } });
  });

  test('a trailing slash in the bucket’s name means the same bucket', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(1, 'slash') });
    const { body } = await server.rpc(METHOD, { bucket: `s3://${bucket}/`, account: server.s3.account });
    assert.equal((body.result as { 'new-files-count': number })['new-files-count'], 1);
    assert.deepEqual(await server.ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
  });
});

describe('load-from-bucket names every wrong field at once', () => {
  const wrongFields = async (params: object) => {
    const { status, body } = await server.rpc(METHOD, params);
    assert.equal(status, 422);
    assert.equal(body.error?.message, 'Invalid params');
    assert.equal(body.error?.method, METHOD);
    for (const { message, type } of body.error?.errors ?? []) assert.ok(message !== '' && type !== '');
    return Object.fromEntries((body.error?.errors ?? []).map(({ path, message }) => [path, message]));
  };

  test('types, ranges, forms, missing and unknown ones, in the account too', async () => {
    const errors = await wrongFields({
      bucket: 'my-bucket',
      'thread-num': 0,
      'thread-count': 1,
      account: { 'access-key-id': 1, region: '', host: 'http://store/?query', token: 'x' },
      'disable-idx?': 'yes',
      'drop-primary-key?': 1,
      'upsert?': null,
      scheduler: 'fastest',
      prefixes: 'fhir/',
      'connect-timeout': -1,
      'read-timeout': 1.5,
    });
    assert.deepEqual(
      Object.keys(errors).sort(),
      [
        'account.access-key-id',
        'account.host',
        'account.region',
        'account.secret-access-key',
        'account.token',
        'bucket',
        'connect-timeout',
        'disable-idx?',
        'drop-primary-key?',
        'prefixes',
        'read-timeout',
        'scheduler',
        'thread-count',
        'thread-num',
        'upsert?',
      ].sort(),
    );
    assert.equal(
      errors['bucket'],
      'must have the form s3://<bucket-name> or file:///<folder>; paths in a bucket go into prefixes',
    );
    assert.equal(errors['account.secret-access-key'], 'is required');
    assert.equal(errors['disable-idx?'], 'must be true, false or "auto"');
    assert.equal(
      errors['account.token'],
      'unknown parameter; known: access-key-id, secret-access-key, session-token, region, host, path-style?',
    );
  });

  test('a misspelt parameter is refused with the name that was meant, not ignored', async () => {
    assert.deepEqual(
      await wrongFields({
        bucket: 's3://some-bucket',
        thread_num: 1,
        upsert: true,
        prefix: ['a'],
        account: { accessKeyId: 'x' },
      }),
      {
        thread_num: 'unknown parameter; did you mean thread-num?',
        upsert: 'unknown parameter; did you mean upsert?',
        prefix: 'unknown parameter; did you mean prefixes?',
        'account.access-key-id': 'is required',
        'account.secret-access-key': 'is required',
        'account.region': 'is required',
        'account.accessKeyId': 'unknown parameter; did you mean access-key-id?',
      },
    );
  });

  test('a region or key id that no request can carry', async () => {
    const key = 'must be of visible ASCII characters, without spaces or line breaks';
    const region = 'must be of letters, digits and hyphens, as us-east-1';
    for (const [field, wrong, message] of [
      ['access-key-id', 'AKIA\n', key],
      ['access-key-id', 'AK IA', key],
      ['access-key-id', '', key],
      ['access-key-id', 'clé', key],
      ['region', 'us east 1', region],
      ['region', 'us-east-1\n', region],
      ['region', '-', region],
      ['region', '', region],
    ] as const) {
      const account = { ...server.s3.account, [field]: wrong };
      assert.deepEqual(await wrongFields({ bucket: 's3://some-bucket', account }), { [`account.${field}`]: message });
    }
  });

  test('upsert? with drop-primary-key? contradict each other', async () => {
    const contradiction = {
      'drop-primary-key?': 'contradicts upsert?: existing resources are found by the primary key',
    };
    const both = { bucket: 's3://some-bucket', 'upsert?': true, 'drop-primary-key?': true };
    assert.deepEqual(await wrongFields(both), contradiction);
    assert.deepEqual(await wrongFields({ ...both, 'thread-num': 0, thread_num: 1 }), {
      ...contradiction,
      'thread-num': 'must be at least 1',
      thread_num: 'unknown parameter; did you mean thread-num?',
    });
  });

  test('a bucket with a path is told where the path goes', async () => {
    for (const bucket of ['s3://some-bucket/fhir/1', 'https://some-bucket', 's3://', 's3://a b', '']) {
      assert.deepEqual(await wrongFields({ bucket }), {
        bucket: 'must have the form s3://<bucket-name> or file:///<folder>; paths in a bucket go into prefixes',
      });
    }
  });
});

describe('load-from-bucket fails itself, and queues nothing, when the bucket cannot be listed', () => {
  test('a bucket that does not exist: NoSuchKey', async () => {
    const { status, body } = await server.startLoad('no-such-bucket');
    assert.equal(status, 422);
    assert.deepEqual(body, {
      error: {
        message:
          'NoSuchKey: the bucket does not exist; check its name, `account.host` and `account.region` (s3://no-such-bucket/)',
        code: 'NoSuchKey',
      },
    });
    assert.deepEqual(await traces('s3://no-such-bucket'), { files: 0, calls: 0 });
    const never = await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket: 's3://no-such-bucket' });
    assert.match(never.body.error?.message ?? '', /was never loaded/);
  });

  test('nobody listens at the host', async () => {
    const account = { ...server.s3.account, host: 'http://127.0.0.1:1' };
    const { status, body } = await server.startLoad('unreachable', { account });
    assert.equal(status, 422);
    assert.equal(body.error?.code, 'ECONNREFUSED');
    assert.match(
      body.error?.message ?? '',
      /^ECONNREFUSED: .*; nothing listens there; check `account\.host` .*\(s3:\/\/unreachable\/\)$/,
    );
    assert.deepEqual(await traces('s3://unreachable'), { files: 0, calls: 0 });
  });

  test('the host has no address', async () => {
    const account = { ...server.s3.account, host: 'http://store.invalid' };
    const { status, body } = await server.startLoad('nowhere', { account });
    assert.equal(status, 422);
    assert.match(body.error?.code ?? '', /^(ENOTFOUND|EAI_AGAIN)$/);
    assert.deepEqual(await traces('s3://nowhere'), { files: 0, calls: 0 });
  });
});

test('a private host is refused unless the operator allows it', async (t) => {
  const strict = await startTestServer(t, { env: { S3_ALLOW_PRIVATE_HOSTS: 'false' } });
  const bucket = await strict.bucketOf({ 'Patient.ndjson.gz': patients(1) });
  for (const host of [strict.s3.account.host, 'http://localhost:9000', '169.254.169.254', 'http://[::1]:80']) {
    const { status, body } = await strict.startLoad(bucket, { account: { ...strict.s3.account, host } });
    assert.equal(status, 422);
    assert.match(body.error?.message ?? '', /loopback, link-local or private address.*S3_ALLOW_PRIVATE_HOSTS=true/);
  }
  assert.deepEqual(await strict.sql('select from loaderfile'), []);
});

describe('prefixes', () => {
  const idsAfter = async (bucket: string, prefixes: string[]) => {
    const { body } = await server.startLoad(bucket, { prefixes });
    const { 'new-files-count': added } = body.result as { 'new-files-count': number };
    const { progress } = await server.ended(bucket);
    assert.equal(progress['done'], progress['total']);
    const rows = await server.sql<{ file: string }>(
      `select resource ->> 'file' as file from loaderfile where resource ->> 'bucket' = $1 order by 1`,
      [`s3://${bucket}`],
    );
    return { added, files: rows.map(({ file }) => file) };
  };
  const newBucket = (name: string) =>
    server.bucketOf({
      'fhir/1/Patient.ndjson.gz': patients(1, `${name}-1`),
      'fhir/2/Patient.ndjson.gz': patients(1, `${name}-2`),
      'fhir/2/Patient-2.ndjson.gz': patients(1, `${name}-22`),
      'fhir/2/Observation.ndjson.gz': [{ id: `${name}-o` }],
      'Patient.ndjson.gz': patients(1, `${name}-0`),
    });

  test('one directory, and one type of another', async () => {
    const bucket = await newBucket('seed');
    assert.deepEqual(await idsAfter(bucket, ['fhir/1/', 'fhir/2/Patient']), {
      added: 3,
      files: ['fhir/1/Patient.ndjson.gz', 'fhir/2/Patient-2.ndjson.gz', 'fhir/2/Patient.ndjson.gz'],
    });
    // A later call with others goes on from there.
    assert.equal((await idsAfter(bucket, ['fhir/2/Obs'])).added, 1);
    assert.equal((await idsAfter(bucket, [])).added, 1);
  });

  test('prefixes that overlap or repeat add no file twice', async () => {
    const bucket = await newBucket('overlap');
    const { added, files } = await idsAfter(bucket, ['fhir/2/Patient', 'fhir/', 'fhir/', 'fhir/1/Patient.ndjson.gz']);
    assert.equal(added, 4);
    assert.equal(files.length, 4);
  });

  test('a prefix without objects adds nothing; files outside are not counted as ignored', async () => {
    const bucket = await newBucket('none');
    await server.s3.putObject(bucket, 'import.ndjson', '');
    const { body } = await server.startLoad(bucket, { prefixes: ['fhir/3/'] });
    assert.deepEqual(body.result, {
      message: `Upload from bucket <s3://${bucket}> started. 0 new files added. No key starts with "fhir/3/".`,
      progress: { total: 0 },
      'new-files-count': 0,
    });
    await server.ended(bucket);
  });
});

test('a bucket of more objects than one page of a listing is listed whole', async () => {
  const bucket = await server.s3.createBucket();
  const keys = Array.from({ length: 1003 }, (_, n) => `x/${n}.txt`);
  while (keys.length > 0) {
    await Promise.all(keys.splice(0, 50).map((key) => server.s3.putObject(bucket, key, '')));
  }
  await server.s3.putObject(bucket, 'z/Patient.ndjson.gz', Buffer.alloc(0));
  const { body } = await server.startLoad(bucket);
  assert.deepEqual(body.result, {
    message: `Upload from bucket <s3://${bucket}> started. 1 new files added. 1003 files ignored for their names.`,
    progress: { total: 1 },
    'new-files-count': 1,
  });
  await server.ended(bucket);
});

describe('the account', () => {
  test('regions and key ids of stores that are not AWS', async () => {
    const bucket = await server.bucketOf({});
    for (const odd of [
      ...['auto', 'garage', 'RegionOne', 'default', 'us-east-1', 'a'.repeat(63), '1'].map((region) => ({ region })),
      { 'access-key-id': String.fromCharCode(...Array.from({ length: 0x7e - 0x20 }, (_, n) => 0x21 + n)) },
    ]) {
      const { body } = await server.startLoad(bucket, { account: { ...server.s3.account, ...odd } });
      // A real store may not know the account: what counts is that the call reaches it.
      assert.notEqual(body.error?.message, 'Invalid params');
      assert.notEqual(body.error?.message, 'Internal error');
    }
  });

  test('a host without a scheme means https', async () => {
    const host = server.s3.account.host.replace('http://', '');
    const { status, body } = await server.startLoad('some-bucket', { account: { ...server.s3.account, host } });
    assert.equal(status, 422);
    // The emulator speaks plain HTTP, so TLS with it must fail.
    assert.match(`${body.error?.code} ${body.error?.message}`, /SSL|TLS|EPROTO|ECONNRESET/i);
  });

  test('credentials are not stored, neither in the database nor in an answer', async (t) => {
    // Not the endpoint of the other tests: a real server takes its own keys only.
    const store = await OddS3Server.start(t);
    store.put('Patient.ndjson.gz', ndjsonGzip(patients(1, 'secret')));
    const account = {
      ...store.account,
      'secret-access-key': 'very-secret-key',
      'access-key-id': 'very-key-id',
      'session-token': 'very-secret-token',
    };
    const { status, body } = await server.startLoad('credentials', { account });
    assert.equal(status, 200);
    assert.deepEqual(await server.ended('credentials'), { state: 'completed', progress: { total: 1, done: 1 } });
    const stored = await server.sql(
      `select resource::text from loaderfile union all select options::text from fhir_bucket_loader.bucket_load`,
    );
    assert.doesNotMatch(JSON.stringify([stored, body]), /very-/);
  });
});
