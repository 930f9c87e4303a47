import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startTestServer, type TestServer } from '../support/test-server.ts';

/** Two databases that get the same nights: one without fingerprints, where every row is compared. */
const fast = await startTestServer({ after });
const plain = await startTestServer({ after });
await plain.sql('drop table fhir_bucket_loader.fingerprint');
for (const server of [fast, plain])
  await server.sql(
    `create function altered() returns trigger language plpgsql as
     'begin if new.id < ''r-5'' then new.resource = new.resource || jsonb_build_object(''altered'', true); end if; return new; end'`,
  );

const IDS = 80;
const NIGHTS = 7;

/** Numbers below `n`, the same for each seed (mulberry32). */
function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % n;
  };
}

/** @param dated whether every resource says when it was last updated */
function linesOf(random: (n: number) => number, dated: boolean): object[] {
  const changes = [0, 1, 10, 100][random(4)] ?? 0;
  return Array.from({ length: IDS }, (_, n) => ({
    id: `r-${n}`,
    n: random(100) < changes ? random(3) : 0,
    text: 'lorem ipsum '.repeat(n * 10),
    ...(!dated && random(4) === 0
      ? {}
      : { meta: { lastUpdated: `2024-01-0${random(100) < changes ? 1 + random(3) : 2}T00:00:00Z` } }),
  })).filter((_, n) => n % 40 !== random(40));
}

/**
 * What somebody else does between two nights. One number of a version for all rows of a statement: a number for each would follow
 * their places in the table, which differ between the databases by when each was last vacuumed.
 */
function otherWriter(random: (n: number) => number): string[] {
  const some = `mod(substr(id, 3)::int, 9) = ${random(9)}`;
  const statements = [
    `update basic set resource = resource || '{"n": 7}' where ${some}`,
    `update basic set resource = resource || '{"n": 8}', txid = (select nextval('transaction_id_seq')), status = 'updated' where ${some}`,
    `update basic set resource = resource where ${some}`,
    `update basic set ts = '2024-01-02T00:00:00Z' where ${some}`,
    `delete from basic where ${some}`,
    `vacuum full basic`,
    `vacuum basic`,
    `select from basic where ${some} for update`,
    'truncate basic',
    `with gone as (delete from basic where ${some} returning *)
     insert into basic_history (id, txid, ts, cts, resource_type, status, resource)
     select id, (select nextval('transaction_id_seq')), '2024-01-0${1 + random(4)}', cts, resource_type, 'deleted', resource from gone`,
    'create or replace trigger altered before insert or update on basic for each row execute function altered()',
    'drop trigger if exists altered on basic',
  ];
  return Array.from({ length: random(4) }, () => statements[random(statements.length)] ?? '');
}

async function night(server: TestServer, lines: readonly object[], params: object) {
  const bucket = await server.bucketOf({ 'Basic.ndjson': lines });
  await server.load(bucket, { 'upsert?': true, ...params });
  const { status, message, loaded, created, updated, unchanged, older } = await server.loaderFile(
    bucket,
    'Basic.ndjson',
  );
  const columns = `id, dense_rank() over (order by txid)::int as version, status::text as status,
    left(resource::text, 80) as begin, md5(resource::text) as resource`;
  return {
    file: { status, message, loaded, created, updated, unchanged, older },
    rows: await server.sql(`select ${columns} from basic order by id`),
    history: await server.sql(`select ${columns} from basic_history order by id, version`),
  };
}

describe('nights with fingerprints leave the same rows, history and counts as nights without', () => {
  const keep = { 'keep-last-updated?': true };
  for (const [n, params] of [
    {},
    keep,
    { 'history?': true },
    { ...keep, 'newest-wins?': true },
    { ...keep, 'history?': true, 'newest-wins?': true },
    { format: 'as-is' },
  ].entries())
    for (const seed of [1, 2])
      test(`${JSON.stringify(params)}, seed ${seed}`, async () => {
        const random = randomOf(seed * 1_000 + n);
        for (const server of [fast, plain]) await server.sql('drop table if exists basic, basic_history');
        let lines = linesOf(random, 'newest-wins?' in params);
        for (let i = 0; i < NIGHTS; i++) {
          if (random(3) > 0) lines = linesOf(random, 'newest-wins?' in params);
          const [found, expected] = await Promise.all([night(fast, lines, params), night(plain, lines, params)]);
          assert.deepEqual(found, expected, `night ${i}`);
          assert.equal(found.file.status, 'done', found.file.message);
          for (const statement of otherWriter(random)) for (const server of [fast, plain]) await server.sql(statement);
        }
        const [{ used } = { used: 0 }] = await fast.sql<{ used: number }>(
          'select count(*)::int as used from fhir_bucket_loader.fingerprint',
        );
        assert.ok(used > 0);
      });
});
