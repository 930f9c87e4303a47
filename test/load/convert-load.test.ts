import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { generateLines } from '../../demo/fhir-data/generate-resources.ts';
import { fhirpathModel, remembering } from '../pipeline/fhir-to-aidbox/oracle/fhir-model.ts';
import { readTree, writeTree } from '../pipeline/fhir-to-aidbox/oracle/json-tree.ts';
import { aidboxOf } from '../pipeline/fhir-to-aidbox/oracle/oracle.ts';
import { noTwoPhase } from '../support/no-two-phase.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });
const proxy = await S3FaultProxy.start({ after }, server.s3);
const model = remembering(fhirpathModel('r4'));

const skip = await noTwoPhase(server.sql);

/** Bytes of text that gzip cannot shrink, in each line. */
const NOTE_BYTES = 1_024;

/** Resources with references, choices and extensions, as Synthea has them, and a long note. */
const linesOf = (type: 'Observation' | 'Procedure' | 'Encounter', count: number, seed = 1): string[] =>
  [...generateLines({ type, count, seed })].map((line, n) => {
    const { resourceType, id, ...rest } = JSON.parse(line);
    const text = randomBytes(NOTE_BYTES).toString('base64');
    const note = [
      { text, authorReference: { reference: `Practitioner/${n}` }, extension: [{ url: 'u', valueCode: 'c' }] },
    ];
    // One in ten is unusual: its id comes last.
    return JSON.stringify(n % 10 === 0 ? { ...rest, note, id } : { resourceType, id, ...rest, note });
  });

/** How many rows of the table are what the oracle says of these lines, of how many rows. */
async function compare(table: string, type: string, lines: readonly string[]) {
  const expected = lines.map((line) => {
    const tree = readTree(line);
    assert.ok(tree.kind === 'object');
    return [JSON.parse(line).id, writeTree(aidboxOf(model, type, tree))];
  });
  const [compared] = await server.sql<{ rows: number; equal: number }>(
    `select (select count(*)::int from ${table}) as rows, count(*)::int as equal
       from ${table} t join unnest($1::text[], $2::text[]) as e (id, resource) on e.id = t.id and e.resource::jsonb = t.resource`,
    [expected.map(([id]) => id), expected.map(([, resource]) => resource)],
  );
  return compared;
}

const load = (bucket: string, params: object = {}) => server.load(bucket, { account: proxy.account, ...params });

/** The first reads of the object break off, each at another place and in another way. */
function breakOff(key: string, places: readonly number[]): void {
  const kinds = ['reset', 'truncate', 'end-early'] as const;
  proxy.rule = ({ method, key: read, nth }) => {
    const afterBytes = method === 'GET' && read === key ? places[nth - 1] : undefined;
    return afterBytes === undefined ? undefined : { kind: kinds[nth % 3] ?? 'reset', afterBytes };
  };
}

const resumesOf = (key: string) => proxy.readsOf(key).filter(({ range }) => range !== undefined).length;

beforeEach(() => {
  proxy.rule = () => undefined;
  proxy.requests.length = 0;
});

describe('a conversion whose file breaks off in the middle and is resumed', () => {
  test('split across several backends, every row is what the oracle says', {
    skip,
  }, async () => {
    const key = 'Observation.ndjson.gz';
    const lines = linesOf('Observation', 6_000);
    const bucket = await server.bucketOf({ [key]: gzipSync(lines.join('\n')) });
    breakOff(key, [1_000_000, 1, 700_000]);
    assert.deepEqual(await load(bucket, { 'thread-num': 3 }), {
      state: 'completed',
      progress: { total: 1, done: 1 },
    });
    assert.ok(resumesOf(key) >= 3);
    assert.deepEqual(await compare('observation', 'Observation', lines), { rows: 6_000, equal: 6_000 });
    const [{ writers } = { writers: 0 }] = await server.sql<{ writers: number }>(
      'select count(distinct xmin::text)::int as writers from observation',
    );
    assert.equal(writers, 3);
    // What a client of Aidbox would ask.
    const [found] = await server.sql(
      `select count(*) filter (where resource #>> '{subject,resourceType}' = 'Patient' and resource #>> '{subject,id}' is not null)::int as patients,
              count(*) filter (where jsonb_typeof(resource #> '{value,Quantity,value}') = 'number')::int as quantities,
              count(*) filter (where resource ? 'valueQuantity' or resource #> '{subject,reference}' is not null)::int as fhir
         from observation`,
    );
    const fhir = lines.map((line) => JSON.parse(line));
    assert.deepEqual(found, {
      patients: fhir.filter(({ subject }) => /^Patient\//.test(subject?.reference ?? '')).length,
      quantities: fhir.filter(({ valueQuantity }) => typeof valueQuantity?.value === 'number').length,
      fhir: 0,
    });
    assert.ok(Number(found?.['patients']) > 0 && Number(found?.['quantities']) > 0);
  });

  test('with upsert?, the rows that were there become what the oracle says too', async () => {
    const key = 'Procedure.ndjson.gz';
    const before = linesOf('Procedure', 1_000);
    await load(await server.bucketOf({ [key]: gzipSync(before.join('\n')) }));
    const lines = linesOf('Procedure', 2_000, 1);
    const bucket = await server.bucketOf({ [key]: gzipSync(lines.join('\n')) });
    breakOff(key, [0, 300_000, 900_000, 1]);
    await load(bucket, { 'upsert?': true });
    assert.ok(resumesOf(key) >= 3);
    assert.deepEqual(await compare('procedure', 'Procedure', lines), { rows: 2_000, equal: 2_000 });
    assert.deepEqual(await server.sql('select status::text, count(*)::int from procedure group by 1 order by 1'), [
      { status: 'created', count: 1_000 },
      { status: 'updated', count: 1_000 },
    ]);
  });

  test('with max-errors, what cannot be converted is left out with its path, and the rest is what the oracle says', async () => {
    const key = 'Encounter.ndjson.gz';
    const good = linesOf('Encounter', 2_000);
    const bad = [
      '{"id":"two-forms","participant":[{},{"individual":{"reference":"Practitioner/1","uri":"urn:x"}}]}',
      '{"id":"no-json","subject":{"reference":"Patient/1"},}',
      '{"id":"nul","subject":{"reference":"Patient/\\u0000"}}',
      '{"id":"other","resourceType":"Patient"}',
    ];
    const lines = good.toSpliced(500, 0, bad[0] ?? '').toSpliced(900, 0, ...bad.slice(1));
    const bucket = await server.bucketOf({ [key]: gzipSync(lines.join('\n')) });
    breakOff(key, [400_000, 800_000, 1]);
    const status = await load(bucket, { 'max-errors': 4 });
    assert.equal(status['lines-left-out'], 4);
    assert.ok(resumesOf(key) >= 3);
    assert.deepEqual(await compare('encounter', 'Encounter', good), { rows: 2_000, equal: 2_000 });
    const errors = await server.sql<{ line: number; id: string; message: string }>(
      `select (resource ->> 'line')::int as line, resource ->> 'resource-id' as id, resource ->> 'message' as message
         from loadererror order by 1`,
    );
    assert.deepEqual(
      errors.map(({ line, id }) => [line, id]),
      [
        [501, 'two-forms'],
        [901, 'no-json'],
        [902, 'nul'],
        [903, 'other'],
      ],
    );
    assert.match(errors[0]?.message ?? '', /Encounter\.participant\[1\]\.individual\.uri/);
  });
});

describe('a key that stands twice in one object', () => {
  const twice = [
    '{"id":"own","status":"first","status":"final"}',
    '{"id":"deep","code":{"text":"first","text":"last"},"component":[{"code":{},"code":{"text":"last"}}]}',
    '{"id":"escaped","status":"first","st\\u0061tus":"last"}',
    '{"id":"unknown","x":{"y":1,"y":{"reference":"Patient/1"}}}',
  ];
  const stored = async (table: string) =>
    await server.sql(`select id, resource from ${table} where id = any($1) order by id`, [
      ['own', 'deep', 'escaped', 'unknown', 'subject'],
    ]);

  test('is stored as jsonb stores it, whatever the format', async () => {
    const bucket = await server.bucketOf({
      'Basic.ndjson': twice.join('\n'),
      'DetectedIssue.ndjson': twice.join('\n'),
    });
    const asPostgres = await server.sql(
      `select line::jsonb ->> 'id' as id, line::jsonb - 'id' as resource from unnest($1::text[]) as line order by 1`,
      [twice],
    );
    await load(bucket, { format: 'as-is', prefixes: ['Basic'] });
    await load(bucket, { format: 'fhir', prefixes: ['DetectedIssue'] });
    assert.deepEqual(await stored('basic'), asPostgres);
    assert.deepEqual(await stored('detectedissue'), asPostgres);
  });

  test('with something to convert: the last one counts too, but two values of one element are refused', async () => {
    const lines = [
      '{"id":"subject","subject":{"reference":"Patient/1"},"subject":{"reference":"Patient/2"}}',
      '{"id":"reference","subject":{"reference":"Patient/1","reference":"Patient/2"}}',
      '{"id":"choice","deceasedBoolean":true,"deceasedBoolean":false}',
      '{"id":"meta","meta":{"source":"a"},"meta":{"source":"b"}}',
    ];
    await load(await server.bucketOf({ 'ServiceRequest.ndjson': lines[0] ?? '' }));
    assert.deepEqual(await stored('servicerequest'), [
      { id: 'subject', resource: { subject: { resourceType: 'Patient', id: '2' } } },
    ]);
    const refused = await server.bucketOf({
      'Flag.ndjson': lines[1] ?? '',
      'Patient.ndjson': lines[2] ?? '',
      'Person.ndjson': lines[3] ?? '',
    });
    await load(refused, { 'max-errors': 1 });
    const errors = await server.sql(
      `select resource ->> 'code' as code, resource ->> 'resource-id' as id
         from loadererror where resource ->> 'bucket' = $1 order by 2`,
      [`s3://${refused}`],
    );
    assert.deepEqual(
      errors,
      ['choice', 'meta', 'reference'].map((id) => ({ code: 'two-forms', id })),
    );
  });
});
