import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';

interface Resource {
  id: string;
  resourceType: string;
  file: string;
  [field: string]: unknown;
}
interface Bundle {
  resourceType: string;
  type: string;
  total: number;
  link: { relation: string; url: string }[];
  entry: { resource: Resource }[];
}

const server = await startTestServer({ after });

const request = async (method: string, path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${server.url}${path}`, { method, headers });
  const text = await response.text();
  return { status: response.status, type: response.headers.get('content-type'), text };
};
const read = async <T>(path: string, status = 200): Promise<T> => {
  const answer = await request('GET', path);
  assert.equal(answer.status, status, answer.text);
  return JSON.parse(answer.text) as T;
};
const filesOf = (bundle: Bundle) => bundle.entry.map(({ resource }) => resource.file);
const search = async (query: string) => filesOf(await read<Bundle>(`/LoaderFile?${query}`));

describe('LoaderFile over REST', () => {
  let bucket = '';

  before(async () => {
    bucket = await server.bucketOf({
      'Patient-1.ndjson.gz': patients(20, 'rest'),
      'Patient-2.ndjson.gz': patients(1, 'rest'),
      'Encounter-1.ndjson': [{ id: 'e' }],
      'Encounter-2.ndjson': '',
      'Goal.ndjson': '{"id":5}',
    });
    await server.load(bucket, { 'thread-num': 1, scheduler: 'by-last-modified' });
  });

  test('a done file has all of Aidbox’s fields', async () => {
    const [found] = (await read<Bundle>('/LoaderFile?file=Patient-1.ndjson.gz')).entry;
    assert.ok(found !== undefined);
    const { id, meta, etag, start, end, 'last-modified': modified, size, ...rest } = found.resource;
    assert.deepEqual(rest, {
      resourceType: 'LoaderFile',
      bucket: `s3://${bucket}`,
      file: 'Patient-1.ndjson.gz',
      type: 'Patient',
      status: 'done',
      loaded: 20,
    });
    assert.ok(typeof size === 'number' && size > 20);
    for (const time of [start, end, modified]) {
      assert.ok(typeof time === 'string' && new Date(time).toISOString() === time, String(time));
    }
    assert.ok(String(start) <= String(end));
    assert.ok(typeof etag === 'string' && typeof id === 'string');
    const { lastUpdated, createdAt, versionId } = meta as Record<string, string>;
    assert.ok(String(createdAt) <= String(lastUpdated) && /^\d+$/.test(versionId ?? ''));
  });

  test('a failed file has message, error.source and error.code, and no loaded', async () => {
    const [found] = (await read<Bundle>('/LoaderFile?.error.code=23505')).entry;
    assert.ok(found !== undefined);
    const { file, status, message, error, loaded } = found.resource;
    assert.deepEqual(
      [file, status, error, loaded],
      ['Patient-2.ndjson.gz', 'error', { code: '23505', source: 'postgres' }, undefined],
    );
    assert.match(String(message), /^23505: ERROR: duplicate key value violates unique constraint "patient_pkey"/);
  });

  test('is read by id, at /LoaderFile and at /fhir/LoaderFile, in JSON and in YAML', async () => {
    const { entry } = await read<Bundle>('/LoaderFile?type=Goal');
    const resource = entry[0]?.resource;
    assert.ok(resource !== undefined);
    assert.deepEqual(await read(`/LoaderFile/${resource.id}`), resource);
    assert.deepEqual(await read(`/fhir/LoaderFile/${resource.id}`), resource);
    const yaml = await request('GET', `/LoaderFile/${resource.id}`, { accept: 'text/yaml' });
    assert.equal(yaml.type, 'text/yaml; charset=utf-8');
    assert.match(yaml.text, /^file: Goal\.ndjson$/m);
    const missing = await read<{ error: { message: string } }>('/LoaderFile/none', 404);
    assert.deepEqual(missing, { error: { message: 'No LoaderFile has this id.' } });
  });

  test('a search is a searchset Bundle with the total, whatever the page', async () => {
    const { resourceType, type, total, entry } = await read<Bundle>('/fhir/LoaderFile?_count=2&_page=1');
    assert.deepEqual([resourceType, type, total, entry.length], ['Bundle', 'searchset', 5, 2]);
    const counted = await read<Bundle>('/LoaderFile?_count=0');
    assert.deepEqual([counted.total, counted.entry], [5, []]);
  });

  for (const [query, files] of [
    ['status=error&_sort=file', ['Goal.ndjson', 'Patient-2.ndjson.gz']],
    ['.status=error&_sort=-file', ['Patient-2.ndjson.gz', 'Goal.ndjson']],
    ['status=error&type=Goal', ['Goal.ndjson']],
    ['type=Goal,Encounter&_sort=file', ['Encounter-1.ndjson', 'Encounter-2.ndjson', 'Goal.ndjson']],
    ['error.source=aidbox', ['Goal.ndjson']],
    ['loaded=20', ['Patient-1.ndjson.gz']],
    ['status=pending', []],
    ['bucket=s3://another', []],
    [`_sort=file&_count=2&_page=2`, ['Goal.ndjson', 'Patient-1.ndjson.gz']],
    ['status=done&_sort=loaded', ['Encounter-2.ndjson', 'Encounter-1.ndjson', 'Patient-1.ndjson.gz']],
    ['_sort=_createdAt,-file&_count=1', ['Patient-2.ndjson.gz']],
  ] as const)
    test(`search ${query}`, async () => assert.deepEqual(await search(query), files));

  test('search by bucket and by id', async () => {
    const all = await read<Bundle>(`/LoaderFile?bucket=s3://${bucket}`);
    assert.equal(all.total, 5);
    const ids = all.entry.slice(0, 2).map(({ resource }) => resource.id);
    assert.equal((await read<Bundle>(`/LoaderFile?_id=${ids.join(',')}`)).total, 2);
  });

  const manyFields = Array.from({ length: 21 }, () => 'file').join(',');
  for (const [query, path, message] of [
    ['stauts=error', 'stauts', /^unknown field of LoaderFile; did you mean status\?$/],
    ['colour=red', 'colour', /^unknown field of LoaderFile; known: bucket, file, /],
    ['.stauts=error', '.stauts', /unknown field/],
    ['status=eror', 'status', /must be one of pending, in-progress, done, error, skiped/],
    ['status=error,eror', 'status', /must be one of/],
    ['status=', 'status', /must have a value/],
    ['file=a,', 'file', /must have a value/],
    ['error.source=aws,s3', 'error.source', /must be one of postgres, aws, aidbox/],
    ['error=23505', 'error', /unknown field/],
    ['size=large', 'size', /must be a whole number/],
    ['start=yesterday', 'start', /must be a time as stored/],
    ['file=a%00b', 'file', /must not contain U\+0000/],
    ['_lastUpdated=gt2026-01-01', '_lastUpdated', /unknown field/],
    ['_summary=true', '_summary', /unknown field/],
    ['constructor=1', 'constructor', /unknown field/],
    ['a%20b=1', 'a b', /unknown field/],
    ["status'--=1", "status'--", /unknown field/],
    ['_count=x', '_count', /must be a whole number from 0 to 1000, once/],
    ['_count=100000', '_count', /must be a whole number from 0 to 1000, once/],
    ['_count=', '_count', /must be a whole number/],
    ['_count=1e2', '_count', /must be a whole number/],
    ['_count=1&_count=2', '_count', /once/],
    ['_page=0', '_page', /must be a whole number from 1, once/],
    ['_total=none', '_total', /must be accurate/],
    ['_sort=%27', '_sort', /unknown field/],
    ['_sort=stauts', '_sort', /unknown field/],
    ['_sort=constructor', '_sort', /unknown field/],
    ['_sort=', '_sort', /unknown field/],
    [`_sort=${manyFields}`, '_sort', /must name 20 fields at most/],
    ['_format=xml', '_format', /must be json or yaml/],
  ] as const)
    test(`refuses ${query.slice(0, 40)}, by name`, async () => {
      const { status, text } = await request('GET', `/LoaderFile?${query}`);
      assert.equal(status, 422, text);
      const { errors } = (JSON.parse(text) as { error: { errors: { path: string; message: string }[] } }).error;
      assert.equal(errors[0]?.path, path);
      assert.match(errors[0]?.message ?? '', message);
    });

  test('everything that is wrong is named at once, and the other resources have fields of their own', async () => {
    const { status, text } = await request('GET', '/DisabledIndex?status=done&file=a&_count=x');
    assert.equal(status, 422);
    const { errors } = (JSON.parse(text) as { error: { errors: { path: string }[] } }).error;
    assert.deepEqual(errors.map(({ path }) => path).sort(), ['_count', 'file', 'status']);
    assert.equal((await request('GET', '/LoaderError?status=done')).status, 422);
    assert.equal((await request('GET', '/LoaderError?line=3&source=aidbox&_sort=-line')).status, 200);
    assert.equal((await request('GET', '/LoaderFile/none?status=done')).status, 422);
  });

  test('a delete takes filters only, and a header that it knows', async () => {
    for (const query of ['stauts=error', 'status=eror', '_count=1', '_page=1', '_sort=file']) {
      const headers = { 'x-conditional-delete': 'remove-all' };
      assert.equal((await request('DELETE', `/LoaderFile?${query}`, headers)).status, 422, query);
    }
    for (const header of ['removeall', 'remove-first', '']) {
      const headers = { 'x-conditional-delete': header };
      assert.equal((await request('DELETE', '/LoaderFile?type=Goal', headers)).status, 422, header);
    }
    assert.equal((await read<Bundle>('/LoaderFile')).total, 5);
  });

  test('a Bundle links its own, the first, previous, next and last page, and following them meets all once', async () => {
    const relations = ({ link }: Bundle) => Object.fromEntries(link.map(({ relation, url }) => [relation, url]));
    const first = await read<Bundle>('/fhir/LoaderFile?_sort=file&_count=2&type=Goal,Encounter,Patient');
    const here = '/fhir/LoaderFile?_sort=file&_count=2&type=Goal,Encounter,Patient';
    assert.deepEqual(relations(first), {
      self: here,
      first: `${here}&_page=1`,
      next: `${here}&_page=2`,
      last: `${here}&_page=3`,
    });
    const met: unknown[] = [];
    for (let page: Bundle | undefined = first; page !== undefined; ) {
      met.push(...page.entry.map(({ resource }) => resource.file));
      const { next } = relations(page);
      page = next === undefined ? undefined : await read<Bundle>(next);
    }
    assert.deepEqual(met, await search('_sort=file'));
    const last = relations(await read<Bundle>(`${here}&_page=3`));
    assert.deepEqual([last['previous'], last['next']], [`${here}&_page=2`, undefined]);
    assert.deepEqual(Object.keys(relations(await read<Bundle>('/LoaderFile?_count=0'))), ['self']);
    assert.equal(relations(await read<Bundle>('/LoaderFile?_page=9'))['previous'], '/LoaderFile?_page=1');
  });

  test('DELETE by id answers the resource, then 204', async () => {
    const { entry } = await read<Bundle>('/LoaderFile?type=Goal');
    const resource = entry[0]?.resource;
    const first = await request('DELETE', `/LoaderFile/${resource?.id}`);
    assert.deepEqual([first.status, JSON.parse(first.text)], [200, resource]);
    const second = await request('DELETE', `/fhir/LoaderFile/${resource?.id}`);
    assert.deepEqual([second.status, second.text], [204, '']);
    await read(`/LoaderFile/${resource?.id}`, 404);
  });

  test('conditional DELETE: 204 for none, 412 for several, all of them with remove-all', async () => {
    assert.equal((await request('DELETE', '/LoaderFile?status=skiped')).status, 204);
    const several = await request('DELETE', '/LoaderFile?type=Encounter');
    assert.equal(several.status, 412);
    assert.match(several.text, /2 resources match\. Send the header x-conditional-delete: remove-all/);
    assert.equal((await search('type=Encounter')).length, 2);
    const one = await request('DELETE', '/LoaderFile?file=Encounter-1.ndjson');
    assert.deepEqual([one.status, (JSON.parse(one.text) as Resource).file], [200, 'Encounter-1.ndjson']);
    const all = await request('DELETE', '/LoaderFile', { 'x-conditional-delete': 'remove-all' });
    assert.equal(all.status, 200);
    assert.equal((JSON.parse(all.text) as Bundle).total, 3);
    assert.deepEqual(await search(''), []);
  });

  test('a file in work cannot be deleted: 409, and it is loaded', async (t) => {
    const held = await server.bucketOf({ 'Encounter-held.ndjson': [{ id: 'held' }] });
    const gate = await server.gate(t, 'encounter');
    await server.startLoad(held);
    await gate.reached();
    const refused = await request('DELETE', '/LoaderFile?file=Encounter-held.ndjson');
    assert.equal(refused.status, 409);
    assert.match(refused.text, /is being loaded right now/);
    await gate.open();
    assert.deepEqual((await server.ended(held)).progress, { total: 1, done: 1 });
  });
});

describe('DisabledIndex over REST', () => {
  test('is read, searched and deleted', async () => {
    const bucket = await server.bucketOf({ 'Flag.ndjson': [{ id: 'f' }] });
    await server.load(bucket, { 'drop-primary-key?': true });
    const { entry, total } = await read<Bundle>('/fhir/DisabledIndex?tablename=flag');
    assert.equal(total, 1);
    const { id, meta, restore, ...rest } = entry[0]?.resource ?? ({} as Resource);
    assert.deepEqual(rest, {
      resourceType: 'DisabledIndex',
      bucket: `s3://${bucket}`,
      schemaname: 'public',
      tablename: 'flag',
      indexname: 'flag_pkey',
      indexdef: 'CREATE UNIQUE INDEX flag_pkey ON public.flag USING btree (id)',
      constraint: { name: 'flag_pkey', definition: 'PRIMARY KEY (id)', primary: true },
      status: 'restored',
    });
    const { start, end, duration } = restore as { start: string; end: string; duration: number };
    assert.equal(duration, new Date(end).getTime() - new Date(start).getTime());
    assert.deepEqual(await read(`/DisabledIndex/${id}`), entry[0]?.resource);
    assert.equal((await request('DELETE', `/DisabledIndex/${id}`)).status, 200);
    assert.equal((await read<Bundle>('/DisabledIndex')).total, 0);
    assert.ok(meta !== undefined);
  });
});
