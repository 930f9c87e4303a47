import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { listFiles } from '../../../src/load/list-files.ts';
import { ListAgain } from '../../../src/source/list-again.ts';
import { S3Clients } from '../../../src/source/s3/s3-clients.ts';
import { S3Source } from '../../../src/source/s3/s3-source.ts';
import type { Closing } from '../../support/last-first.ts';
import { OddS3Server } from '../../support/odd-s3-server.ts';

const hash = (n: number) => createHash('md5').update(String(n)).digest('hex');
const TYPES = ['AllergyIntolerance', 'CarePlan', 'Claim', 'Encounter', 'Observation', 'Patient', 'Procedure'];
/** How buckets lie, by a file's number. */
const LAYOUTS: Record<string, (n: number) => string> = {
  'numbers of one length': (n) => `fhir/Patient/${String(n).padStart(7, '0')}.ndjson`,
  'numbers as they are': (n) => `Patient.${n}.ndjson`,
  'one folder a type': (n) => `export/${TYPES[n % 7]}/${TYPES[n % 7]}-${n}.ndjson`,
  'one folder a day': (n) => `2026/${1 + (n % 12)}/${1 + (n % 28)}/Patient-${n}.ndjson`,
  'random ids': (n) => `in/${hash(n)}/Patient.ndjson`,
  'all but a few in one folder': (n) =>
    n % 50 === 0 ? `z/Patient-${n}.ndjson` : `a/folder/of/one/export/Patient-${hash(n)}.ndjson`,
  'characters of all kinds': (n) =>
    `Patient/${n % 10}${String.fromCodePoint(33 + ((n * 7919) % 0xd700))}💉\u{ffff}${n}.ndjson`,
};

const setUp = async (t: Closing, { count = 800, keyOf = LAYOUTS['random ids'] } = {}) => {
  const store = await OddS3Server.start(t);
  store.pageSize = 10;
  const keys = Array.from({ length: count }, (_, n) => keyOf?.(n) ?? '').sort();
  for (const key of keys) store.put(key, '');
  const source = new S3Source(new S3Clients(true), {
    kind: 's3',
    bucket: 'bucket',
    account: {
      endpoint: store.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    },
    timeouts: { connectTimeoutMs: 0, readTimeoutMs: 0 },
  });
  const { signal } = new AbortController();
  const list = async (prefixes: readonly string[] = [], after?: ReadonlyMap<string, string>) => {
    const listed: string[] = [];
    for await (const page of source.list(prefixes, signal, after)) listed.push(...page.map(({ key }) => key));
    return listed.sort();
  };
  const types = { loadable: new Map([['patient', 'Patient']]), withheld: new Map<string, string>() };
  const files = async () => {
    const listing = await listFiles(source, [], types, signal);
    return [...listing.files()]
      .flat()
      .map(({ key }) => key)
      .sort();
  };
  return { store, keys, list, files };
};
const isProbe = ({ path }: { path: string }) => path.includes('start-after=');

describe('a long listing is split, and has each object once', () => {
  for (const [layout, keyOf] of Object.entries(LAYOUTS))
    test(layout, async (t) => {
      const { store, keys, list } = await setUp(t, { keyOf });
      assert.deepEqual(await list(), keys);
      assert.ok(store.requests.some(isProbe), 'it is split');
      const pages = keys.length / store.pageSize;
      assert.ok(store.requests.length < 1.5 * pages, `${store.requests.length} requests for ${pages} pages`);
    });

  test('within prefixes, and after keys', async (t) => {
    const { keys, list } = await setUp(t, { keyOf: LAYOUTS['one folder a type'] });
    const within = (prefix: string) => keys.filter((key) => key.startsWith(prefix));
    const [claims, patients] = [within('export/Claim/'), within('export/Patient/')];
    assert.deepEqual(await list(['export/Patient/', 'export/Claim/']), [...claims, ...patients]);
    const after = new Map([['export/Claim/', claims[50] ?? '']]);
    assert.deepEqual(await list(['export/Patient/', 'export/Claim/'], after), [...claims.slice(51), ...patients]);
  });

  test('a short one takes a request a page', async (t) => {
    const { store, list, keys } = await setUp(t, { count: 40 });
    assert.deepEqual(await list(), keys);
    assert.equal(store.requests.length, 4);
  });
});

describe('stores that cannot be listed in parts are listed page by page', () => {
  for (const [what, change] of [
    ['begins at the first key whatever start-after says', (query: URLSearchParams) => query.delete('start-after')],
    ['refuses start-after', undefined],
  ] as const)
    test(`one that ${what}`, async (t) => {
      const { store, keys, list } = await setUp(t);
      if (change !== undefined) store.onQuery = change;
      else store.refuses = (query) => query.has('start-after');
      assert.deepEqual(await list(), keys);
      assert.ok(store.requests.length <= keys.length / store.pageSize + 5, `${store.requests.length} requests`);
    });

  test('one that knows no version 2', async (t) => {
    const { store, keys, list } = await setUp(t);
    store.knowsListV2 = false;
    assert.deepEqual(await list(), keys);
  });

  test('one in an order of its own: it is listed again, from the start', async (t) => {
    const { store, keys, list, files } = await setUp(t);
    const places = new Map(keys.map((key) => [key, key < 'in/8' ? key : `in/8${hash(key.charCodeAt(4))}${key}`]));
    store.order = (a, b) => ((places.get(a) ?? a) < (places.get(b) ?? b) ? -1 : Number(a !== b));
    assert.deepEqual(await files(), keys);
    assert.deepEqual(await list(), keys);
  });

  test('one that leaves keys out after start-after', async (t) => {
    const { store, keys, files, list } = await setUp(t);
    store.onList = ({ contents }, query) => {
      if (query.has('start-after')) contents.shift();
    };
    await assert.rejects(list(), ListAgain);
    assert.deepEqual(await files(), keys);
  });
});

test('a listing of which one part fails is refused', async (t) => {
  const { store, files } = await setUp(t);
  let probes = 0;
  store.refuses = (query) => {
    if (query.has('start-after')) probes++;
    return probes > 6 && query.has('continuation-token');
  };
  await assert.rejects(files(), /NotImplemented/);
});
