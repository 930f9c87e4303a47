import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { ndjson, ndjsonGzip, patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

interface Row {
  id: string;
  txid: string;
  resource_type: string;
  status: string;
  resource: unknown;
}

/** Loads one file into an emptied table, and gives its LoaderFile and the table's rows. */
const loadFile = async (content: Buffer | string, key = 'Patient.ndjson.gz') => {
  const bucket = await server.bucketOf({ [key]: content });
  await server.sql('do $$ begin delete from patient; exception when undefined_table then null; end $$');
  await server.load(bucket);
  const rows = await server.sql<Row>('select id, txid, resource_type, status, resource from patient order by id');
  return { file: await server.loaderFile(bucket, key), rows };
};

const idsOf = (rows: readonly Row[]) => rows.map(({ id }) => id);

describe('rows as Aidbox stores them', () => {
  test('columns filled, one txid a file, the jsonb without id and resourceType and otherwise untouched', async () => {
    const rest = {
      name: [{ given: ['Ann', 'ä😀\u2028"\\/\n\t'], family: 'O’Neil' }],
      contained: [{ resourceType: 'Organization', id: 'deep' }],
      numbers: { exact: 0.1, exponent: 1e-7, negative: -12.5 },
      nothing: null,
      empty: [{}, [], ''],
    };
    const { file, rows } = await loadFile(
      ndjsonGzip([
        { resourceType: 'Patient', id: 'a', ...rest },
        { resourceType: 'Patient', id: 'b' },
      ]),
    );
    assert.equal(file.loaded, 2);
    const txid = rows[0]?.txid;
    assert.deepEqual(rows, [
      { id: 'a', txid, resource_type: 'Patient', status: 'created', resource: rest },
      { id: 'b', txid, resource_type: 'Patient', status: 'created', resource: {} },
    ]);
    const columns = await server.sql(
      `select count(*)::int as rows, bool_and(ts = cts and ts between now() - interval '1 hour' and now()) as now,
              bool_and(txid <= (select last_value from transaction_id_seq)) as from_sequence from patient`,
    );
    assert.deepEqual(columns, [{ rows: 2, now: true, from_sequence: true }]);
  });

  test('numbers keep all of their digits', async () => {
    await loadFile('{"id":"n","a":12345678901234567890.1234567890,"b":1.50}');
    assert.deepEqual(await server.sql(`select resource::text from patient`), [
      { resource: '{"a": 12345678901234567890.1234567890, "b": 1.50}' },
    ]);
  });

  test('two files have two txids', async () => {
    const bucket = await server.bucketOf({
      'Encounter-1.ndjson': [{ id: 'tx-1' }, { id: 'tx-2' }],
      'Encounter-2.ndjson': [{ id: 'tx-3' }],
    });
    await server.load(bucket);
    const rows = await server.sql('select array_agg(id order by id) as ids from encounter group by txid order by 1');
    assert.deepEqual(rows, [{ ids: ['tx-1', 'tx-2'] }, { ids: ['tx-3'] }]);
  });

  test('the table of a new type has Aidbox’s columns, and a history twin', async () => {
    await server.load(await server.bucketOf({ 'Basic.ndjson': [{ id: 'b' }] }));
    const columnsOf = async (table: string) =>
      (
        await server.sql<{ column: string }>(
          `select concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                            pg_get_expr(d.adbin, d.adrelid)) as column
             from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            where a.attrelid = $1::regclass and a.attnum > 0 order by a.attnum`,
          [table],
        )
      ).map(({ column }) => column);
    const columns = [
      'id text not null',
      'txid bigint not null',
      'ts timestamp with time zone CURRENT_TIMESTAMP',
      'cts timestamp with time zone CURRENT_TIMESTAMP',
      "resource_type text 'Basic'::text",
      'status resource_status not null',
      'resource jsonb not null',
    ];
    assert.deepEqual(await columnsOf('basic'), columns);
    assert.deepEqual(await columnsOf('basic_history'), columns);
    const keys = await server.sql(
      `select conrelid::regclass::text as table, pg_get_constraintdef(oid) as key from pg_constraint
        where contype = 'p' and conrelid in ('basic'::regclass, 'basic_history'::regclass) order by 1`,
    );
    assert.deepEqual(keys, [
      { table: 'basic', key: 'PRIMARY KEY (id)' },
      { table: 'basic_history', key: 'PRIMARY KEY (id, txid)' },
    ]);
  });
});

describe('content that is all right', () => {
  const a = '{"id":"a"}';
  const b = '{"id":"b"}';
  for (const [what, content, ids, key] of [
    ['blank lines', `\n\n${a}\n \t\n\n${b}\n\n`, ['a', 'b']],
    ['CRLF', `${a}\r\n${b}\r\n\r\n`, ['a', 'b']],
    ['a byte order mark', `\ufeff${a}\n${b}\n`, ['a', 'b']],
    [
      'gzip files that begin with a byte order mark, joined',
      [a, b].map((line) => gzipSync(`\ufeff${line}\n`)),
      ['a', 'b'],
    ],
    ['no last newline', `${a}\n${b}`, ['a', 'b']],
    [
      'several gzip members, cut inside a line',
      [a, '\n{"id', '":"b"}\n', ''].map((part) => gzipSync(part)),
      ['a', 'b'],
    ],
    ['uncompressed .ndjson', `${a}\n${b}\n`, ['a', 'b'], 'Patient.ndjson'],
    ['gzip in .ndjson', [gzipSync(`${a}\n`)], ['a'], 'Patient.ndjson'],
    [
      'zstd of several frames, cut inside a line',
      [a, '\n{"id', '":"b"}\n', ''].map((part) => zstdCompressSync(part)),
      ['a', 'b'],
      'Patient.ndjson.zst',
    ],
    ['zstd in .ndjson.gz', [zstdCompressSync(`${a}\n`)], ['a']],
    ['gzip in .ndjson.zst', [gzipSync(`${a}\n`)], ['a'], 'Patient.ndjson.zst'],
    ['no gzip in .ndjson.gz', `${a}\n${b}\n`, ['a', 'b'], 'Patient.ndjson.gz'],
    ['an empty file', '', []],
    ['an empty gzip', [gzipSync('')], []],
    ['only blank lines', '\n\r\n \n', []],
    ['a BOM and nothing else', '\ufeff', []],
    ['a file of one byte', '\n', []],
    ['id as the last key', '{"active":true,"resourceType":"Patient","id":"a"}', ['a']],
    ['an id with escapes', '{"id":"a\\u002d\\"\\\\\\ud83d\\ude00"}', ['a-"\\😀']],
    ['escaped keys', '{"\\u0069d":"a","resource\\u0054ype":"Patient"}', ['a']],
    ['an escaped resourceType', '{"id":"a","resourceType":"Pat\\u0069ent"}', ['a']],
    ['an id of 64 characters', `{"id":"${'ä'.repeat(64)}"}`, ['ä'.repeat(64)]],
    ['spaces everywhere', ' { "id" : "a" , "resourceType"\t: "Patient" } ', ['a']],
    ['no resourceType', '{"id":"a"}', ['a']],
  ] as const)
    test(what, async () => {
      const { file, rows } = await loadFile(typeof content === 'string' ? content : Buffer.concat(content), key);
      assert.deepEqual(idsOf(rows), ids);
      const { status, loaded, message, error } = file;
      assert.deepEqual(
        { status, loaded, message, error },
        { status: 'done', loaded: ids.length, message: undefined, error: undefined },
      );
    });

  test('keys named id and resourceType deeper down stay', async () => {
    const deeper = {
      a: { id: 'x', resourceType: 'Y' },
      contained: [{ resourceType: 'Practitioner', id: 'p' }, [{ id: 1 }]],
      text: '"id":"z","resourceType":"Z"',
    };
    const { rows } = await loadFile(ndjsonGzip([{ ...deeper, id: 'a', resourceType: 'Patient' }]));
    assert.deepEqual(
      rows.map(({ id, resource }) => ({ id, resource })),
      [{ id: 'a', resource: deeper }],
    );
  });

  test('one line of 50 MB between two short ones', async () => {
    const data = 'QUJD'.repeat((50 * 2 ** 20) / 4);
    // Compressed level 1: the content repeats.
    const content = gzipSync(`{"id":"a"}\n{"data":"${data}","id":"large"}\n{"id":"z"}\n`, { level: 1 });
    const { file, rows } = await loadFile(content).then(async ({ file, rows }) => ({ file, rows: idsOf(rows) }));
    assert.deepEqual([file.status, file.loaded, rows], ['done', 3, ['a', 'large', 'z']]);
    assert.deepEqual(
      await server.sql(
        `select length(resource ->> 'data') as length, md5(resource ->> 'data') = md5(repeat('QUJD', $1)) as same
                          from patient where id = 'large'`,
        [data.length / 4],
      ),
      [{ length: data.length, same: true }],
    );
  });
});

describe('content that fails the file: no row stays, the message says where', () => {
  const good = '{"id":"good"}';
  for (const [what, content, code, message, source] of [
    ['no id', `${good}\n{"active":true}`, 'id-missing', /^line 2: the resource has no "id"/],
    ['an id only deeper down', `{"a":{"id":"x"}}`, 'id-missing', /^line 1: the resource has no "id"/],
    ['an empty id', `${good}\n\n{"id":""}`, 'id-empty', /^line 3: "id" is an empty string/],
    ['an id that is a number', `${good}\n{"id":1}`, 'id-not-a-string', /^line 2: "id" must be a string/],
    ['an id that is null', `{"id":null}`, 'id-not-a-string', /^line 1: "id" must be a string/],
    ['an id of 65 characters', `{"id":"${'a'.repeat(65)}"}`, 'id-too-long', /^line 1: "id" is longer than 64/],
    [
      'another resourceType',
      `${good}\n{"id":"e-1","resourceType":"Encounter"}`,
      'type-differs',
      /^line 2, id "e-1": "resourceType" is not Patient, the type in the file's name$/,
    ],
    ['a resourceType that is no string', `{"id":"x","resourceType":1}`, 'type-not-a-string', /^line 1, id "x": /],
    ['two ids', `{"id":"x","id":"y"}`, 'id-twice', /^line 1/],
    ['two resources on one line', `${good}\n${good}{"id":"x"}`, 'two-resources', /^line 2, id "good": .*two resources/],
    ['two resources, between them a comma', `${good}, {"id":"x"}`, 'two-resources', /^line 1, id "good": /],
    [
      'zstd cut in its second frame',
      Buffer.concat([zstdCompressSync(good), zstdCompressSync('{"id":"x"}').subarray(0, -1)]),
      'bad-zstd',
      /cut short: it ends inside a frame/,
    ],
    ['a zip archive', Buffer.from('PK\x03\x04\x14'), 'not-ndjson', /^the file is a zip archive, by its first bytes/],
    ['an array', `${good}\n[{"id":"x"}]`, 'not-an-object', /^line 2: the line is not a JSON object/],
    ['a string', `"id"`, 'not-an-object', /^line 1: /],
    ['a JSON object over several lines', '{\n"id":"x"\n}', 'not-json', /^line 1: /],
    ['no JSON at all', `id,active\nx,true`, 'not-json', /^line 1: /],
    [
      'a line cut off',
      `${good}\n{"id":"x","a":"b`,
      'not-json',
      /^line 2, id "x", Patient\.a: the line is not valid JSON$/,
    ],
    ['a line cut off before its id ends', `${good}\n{"id":"x`, 'not-json', /^line 2: the line is not valid JSON/],
    [
      'broken JSON deep inside, after blank lines',
      `\n${good}\n\n\r\n{"id":"x","a":{"b":[1,2,]}}\n{"id":"y"}`,
      '22P02',
      /^22P02: ERROR: invalid input syntax for type json \(line 5: .*"\]"/,
      'postgres',
    ],
    [
      'a word that is no JSON value',
      `${good}\n{"id":"x","a":nul}`,
      '22P02',
      /^22P02: ERROR: .*\(line 2: Token "nul" is invalid/,
      'postgres',
    ],
    [
      'an escaped NUL',
      `${good}\n\n{"id":"x","a":"b\\u0000c"}`,
      '22P05',
      /^22P05: ERROR: unsupported Unicode escape sequence \(line 3: /,
      'postgres',
    ],
    [
      'bytes that are no UTF-8',
      Buffer.concat([Buffer.from(`${good}\n{"id":"x","a":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
      '22021',
      /^22021: ERROR: invalid byte sequence for encoding "UTF8": 0xff.*\(line 2/,
      'postgres',
    ],
    [
      'an id twice in the file',
      `${good}\n\n{"id":"x"}\n{"id":"good"}`,
      '23505',
      /^23505: ERROR: duplicate key value violates unique constraint "patient_pkey" \(line 4: Key \(id\)=\(good\) already exists\.\)/,
      'postgres',
    ],
    [
      'a gzip cut inside a member',
      ndjsonGzip(patients(100)).subarray(0, -20),
      'bad-gzip',
      /^the gzip data is cut short: it ends inside a member/,
    ],
    [
      'a damaged gzip',
      Buffer.concat([ndjsonGzip(patients(3)), Buffer.from('more')]),
      'bad-gzip',
      /^the gzip data (is damaged|ends at byte)/,
    ],
  ] as const)
    test(what, async () => {
      const { file, rows } = await loadFile(content);
      assert.deepEqual(rows, []);
      assert.match(file.message ?? '', message);
      assert.deepEqual([file.status, file.error], ['error', { source: source ?? 'aidbox', code }]);
      assert.equal(file.loaded, undefined);
      assert.match(file.end ?? '', /^\d{4}-\d\d-\d\dT/);
    });

  test('a fault in the last line takes back the 100,000 rows before it', async () => {
    const { file, rows } = await loadFile(gzipSync(`${ndjson(patients(100_000))}{"id":1}\n`));
    assert.deepEqual(rows, []);
    assert.match(file.message ?? '', /^line 100001: "id" must be a string/);
  });

  test('a bad file fails none of its companions', async () => {
    const bucket = await server.bucketOf({
      'Group-1.ndjson': [{ id: 'a' }],
      'Group-2.ndjson': [{ id: 'b' }, { id: 'a' }, {}],
      'Group-3.ndjson': [{ id: 'c' }],
    });
    assert.deepEqual(await server.load(bucket), { state: 'completed', progress: { total: 3, done: 2, error: 1 } });
    assert.deepEqual(await server.sql('select id from "group" order by id'), [{ id: 'a' }, { id: 'c' }]);
  });

  test('an id that is in the table already, from another file', async () => {
    const bucket = await server.bucketOf({ 'Flag-1.ndjson': [{ id: 'f1' }] });
    await server.load(bucket);
    await server.s3.putObject(bucket, 'Flag-2.ndjson', ndjson([{ id: 'f2' }, { id: 'f1' }]));
    await server.load(bucket);
    const { message, error } = await server.loaderFile(bucket, 'Flag-2.ndjson');
    assert.match(message ?? '', /^23505: ERROR: .*"flag_pkey" \(line 2: Key \(id\)=\(f1\) already exists\.\)$/);
    assert.deepEqual(error, { source: 'postgres', code: '23505' });
    assert.deepEqual(await server.sql('select id from flag'), [{ id: 'f1' }]);
  });
});

test('a line over LOADER_MAX_LINE_BYTES fails its file, and the server goes on', async (t) => {
  const limited = await startTestServer(t, { env: { LOADER_MAX_LINE_BYTES: '2048' }, s3: server.s3 });
  const line = (bytes: number) => `{"id":"${bytes}","a":"${'x'.repeat(bytes - 20)}"}`;
  const bucket = await limited.bucketOf({
    'Patient-fits.ndjson': `${line(2048)}\n`,
    'Patient-long.ndjson': `{"id":"a"}\n${line(2049)}\n`,
    'Patient-endless.ndjson.gz': gzipSync(`{"id":"b"}\n{"id":"c","a":"${'x'.repeat(5_000_000)}`),
  });
  assert.equal(line(2048).length, 2048);
  assert.deepEqual(await limited.load(bucket), { state: 'completed', progress: { total: 3, done: 1, error: 2 } });
  for (const key of ['Patient-long.ndjson', 'Patient-endless.ndjson.gz']) {
    const { message, error } = await limited.loaderFile(bucket, key);
    assert.equal(message, 'line 2: the line is longer than 2048 bytes (LOADER_MAX_LINE_BYTES)');
    assert.deepEqual(error, { source: 'aidbox', code: 'line-too-long' });
  }
  assert.deepEqual(await limited.sql('select id from patient'), [{ id: '2048' }]);
});
