import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, describe, test } from 'node:test';
import pg from 'pg';
import { listDecidedFiles } from '../../src/target/partitioned/commit-decision.ts';
import { identifyFile } from '../../src/target/partitioned/file-identity.ts';
import { partitionName, partitionNames } from '../../src/target/partitioned/partition-backends.ts';
import { listPrepared } from '../../src/target/partitioned/prepared-transaction.ts';
import type { FileOutcome } from '../../src/worker/file-task.ts';
import { loadBatch } from '../../src/worker/load-batch.ts';
import { loadFile } from '../../src/worker/load-file.ts';
import type { LoadFileOptions } from '../../src/worker/load-file-options.ts';
import { type AttemptParts, type ClaimedFile, startAttemptParts } from '../support/attempt-parts.ts';
import { waitFor } from '../support/wait-for.ts';

const plain = await startAttemptParts({ after });
const direct = await startAttemptParts({ after }, { isDirect: true });

/** Names of prepared transactions are those of all databases of a Postgres. */
const ATTEMPT = randomUUID();

interface Way extends AttemptParts {
  /** Makes one attempt at a file. */
  attempt(file: ClaimedFile, change?: Partial<LoadFileOptions>): Promise<FileOutcome>;
}

const single = (parts: AttemptParts, backends: number): Way => ({
  ...parts,
  attempt: (file, change) => loadFile({ ...parts.task, ...file, backends }, { ...parts.options, ...change }),
});
const WAYS: Readonly<Record<string, { way: Way; skip?: string | false }>> = {
  'by itself': { way: single(plain, 1) },
  'over several backends': { way: single(plain, 3), skip: plain.skip },
  'by a data connection': { way: single(direct, 1) },
  'in a batch': {
    way: {
      ...plain,
      async attempt(file, change) {
        const outcome = await loadBatch({ ...plain.task, files: [file] }, { ...plain.options, ...change });
        if (outcome.kind === 'retry') return outcome;
        const [of] = outcome.files;
        assert.ok(of !== undefined);
        return of;
      },
    },
  },
};

/** What is left when an attempt is over. */
const leftBy = async ({ pool, idsIn, statusOf }: Way, file: ClaimedFile) => {
  const ofData = await pool.query(
    'select attempt from fhir_bucket_loader.data_attempt union all select attempt from fhir_bucket_loader.data_fence',
  );
  const unresolved = (await listPrepared(pool)).length + (await listDecidedFiles(pool)).length + ofData.rows.length;
  return { status: await statusOf(file), ids: await idsIn(file.type), unresolved };
};

afterEach(async () => {
  for (const { pool } of [plain, direct])
    await pool.query('truncate loaderfile, patient, person, disabledindex, fhir_bucket_loader.commit_decision');
});
for (const { claimed } of [plain, direct]) {
  await claimed('first.ndjson', 'Patient', []);
  await claimed('first.ndjson', 'Person', []);
}

/** Does something while another session has a transaction open, which has been begun by these statements. */
const during = async (pool: pg.Pool, statements: string, work: () => Promise<void>) => {
  const client = await pool.connect();
  try {
    await client.query(`begin; ${statements}`);
    await work();
  } finally {
    await client.query('rollback');
    client.release();
  }
};

test('with max-errors no line is left out for a column that has become narrower since the load looked', async () => {
  const { pool, claimed, task, options } = plain;
  const file = await claimed('narrowed.ndjson', 'Person', [{ id: 'a' }, { id: 'b' }]);
  await pool.query('alter table person alter txid type int');
  const outcome = await loadFile({ ...task, ...file, maxErrors: 2 }, options);
  await pool.query('alter table person alter txid type bigint');
  assert.ok(outcome.kind === 'failed', outcome.kind);
  assert.equal(outcome.failure.code, 'unfit-table');
});

for (const [name, { way, skip = false }] of Object.entries(WAYS))
  describe(`one attempt at a file ${name}`, { skip }, () => {
    const { pool, claimed, attempt } = way;
    const one = () => claimed('one.ndjson', 'Patient', [{ id: 'a' }, { id: 'b' }]);

    for (const [column, type, change, back] of [
      ['resource', 'text', 'resource type text', 'resource type jsonb using resource::jsonb'],
      ['txid', 'double precision', 'txid type float8', 'txid type bigint'],
      ['txid', 'integer', 'txid type int', 'txid type bigint'],
      ['txid', 'numeric', 'txid type numeric', 'txid type bigint'],
      ['id', 'bytea', `id type bytea using id::bytea`, `id type text using convert_from(id, 'UTF8')`],
    ] as const)
      test(`writes no row to a table whose ${column} has become ${type} since the load looked, and says so`, async () => {
        const file = await claimed('altered.ndjson', 'Person', [{ id: 'a' }]);
        await pool.query(`alter table person alter ${change}`);
        const outcome = await attempt(file);
        const { rows } = await pool.query('select id, resource from person');
        await pool.query(`truncate person; alter table person alter ${back}`);
        assert.ok(outcome.kind === 'failed', outcome.kind);
        assert.equal(outcome.failure.code, 'unfit-table');
        assert.match(
          outcome.failure.message,
          new RegExp(`person cannot be used: column ${column} is ${type}, must be`),
        );
        assert.deepEqual(rows, []);
      });

    test('has its rows and `done`, and leaves nothing', async () => {
      const file = await one();
      assert.equal((await attempt(file)).kind, 'done');
      assert.deepEqual(await leftBy(way, file), { status: 'done', ids: ['a', 'b'], unresolved: 0 });
      const { rows } = await pool.query(`select resource ->> 'loaded' as loaded from loaderfile where id = $1`, [
        file.id,
      ]);
      assert.deepEqual(rows, [{ loaded: '2' }]);
    });

    test('has no row of one that somebody else has locked', async () => {
      const file = await one();
      await during(pool, `select from loaderfile where id = '${file.id}' for update`, async () => {
        assert.deepEqual(await attempt(file), { kind: 'lost' });
        assert.deepEqual(await leftBy(way, file), { status: 'in-progress', ids: [], unresolved: 0 });
      });
    });

    for (const status of ['done', 'error', 'pending'])
      test(`has no row of one that is ${status} by now`, async () => {
        const file = await one();
        await pool.query(`update loaderfile set resource = resource || jsonb_build_object('status', $1::text)`, [
          status,
        ]);
        assert.deepEqual(await attempt(file), { kind: 'lost' });
        assert.deepEqual(await leftBy(way, file), { status, ids: [], unresolved: 0 });
      });

    test('has no row of one that is decided, and has only to be completed', async () => {
      const file = await one();
      await pool.query(
        `insert into fhir_bucket_loader.commit_decision (queue, loader_file, attempt, partitions, loaded)
         values ('loaderfile'::regclass::oid, $1, 'dead', 0, 2)`,
        [file.id],
      );
      assert.deepEqual(await attempt(file), { kind: 'lost' });
      assert.deepEqual(await leftBy(way, file), { status: 'in-progress', ids: [], unresolved: 1 });
    });

    const KEY_LOCK = `hashtextextended('fhir-bucket-loader key of ' || current_schema() || ' patient', 0)`;
    test('writes no row while a load is about to drop the primary key', async () => {
      const file = await one();
      await during(pool, `select pg_advisory_xact_lock(${KEY_LOCK})`, async () => {
        assert.deepEqual(await attempt(file), { kind: 'primary-key-dropped' });
        assert.deepEqual(await leftBy(way, file), { status: 'pending', ids: [], unresolved: 0 });
      });
    });

    test('writes no row once a load has dropped the primary key', async () => {
      const file = await one();
      await pool.query(
        `insert into disabledindex (id, txid, resource_type, status, resource)
         values ('key', 1, 'DisabledIndex', 'created',
                 jsonb_build_object('schemaname', current_schema(), 'tablename', 'patient', 'indexname', 'patient_pkey', 'indexdef', '',
                                    'status', 'disabled', 'constraint', '{"name": "k", "definition": "", "primary": true}'::jsonb))`,
      );
      assert.deepEqual(await attempt(file), { kind: 'primary-key-dropped' });
      assert.deepEqual(await leftBy(way, file), { status: 'pending', ids: [], unresolved: 0 });
    });

    test('goes by its own table’s key: that of one in another schema may be dropped', async () => {
      const file = await one();
      await pool.query(
        `insert into disabledindex (id, txid, resource_type, status, resource)
         values ('other', 1, 'DisabledIndex', 'created',
                 '{"schemaname": "other", "tablename": "patient", "indexname": "patient_pkey", "indexdef": "", "status": "disabled",
                   "constraint": {"name": "k", "definition": "", "primary": true}}')`,
      );
      assert.equal((await attempt(file)).kind, 'done');
    });

    test('has no row of one whose last line is bad', async () => {
      const file = await claimed('bad.ndjson', 'Patient', [{ id: 'a' }, { id: 'b' }, { note: 'no id' }]);
      const outcome = await attempt(file);
      assert.ok(outcome.kind === 'failed');
      assert.equal(outcome.failure.line, 3);
      assert.deepEqual(await leftBy(way, file), { status: 'error', ids: [], unresolved: 0 });
    });

    test('has no row of one of which Postgres refuses the last', async () => {
      const file = await claimed('twice.ndjson', 'Patient', [{ id: 'a' }, { id: 'b' }, { id: 'a' }]);
      const outcome = await attempt(file);
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.failure.code, outcome.failure.line], ['23505', 3]);
      assert.deepEqual(await leftBy(way, file), { status: 'error', ids: [], unresolved: 0 });
    });

    test('gives it back, without a row, after a failure that may pass', async (t) => {
      await pool.query(`
        create function refuse() returns trigger language plpgsql as $$ begin raise 'not now' using errcode = '40001'; end $$;
        create trigger refuse before insert on person for each row execute function refuse()`);
      t.after(() => pool.query('drop function refuse cascade'));
      const file = await claimed('later.ndjson', 'Person', [{ id: 'a' }]);
      const outcome = await attempt(file);
      assert.ok(outcome.kind === 'retry');
      assert.equal(outcome.failure.code, '40001');
      assert.deepEqual(await leftBy(way, file), { status: 'pending', ids: [], unresolved: 0 });
    });

    test('gives it back, without a row, when it is stopped while a COPY waits for somebody else', {
      timeout: 120_000,
    }, async () => {
      const file = await claimed('waiting.ndjson', 'Person', [{ id: 'held' }]);
      const stop = new AbortController();
      const held = `insert into person (id, txid, status, resource) values ('held', 1, 'created', '{}')`;
      const waiting = `select from pg_stat_activity where datname = current_database() and query ilike 'copy%' and wait_event_type = 'Lock'`;
      await during(pool, held, async () => {
        const outcome = attempt(file, { signal: stop.signal });
        await waitFor(async () => (await pool.query(waiting)).rowCount === 1, { what: 'the COPY to wait' });
        stop.abort(new Error('stopped'));
        assert.deepEqual(await outcome, { kind: 'stopped' });
      });
      assert.deepEqual(await leftBy(way, file), { status: 'pending', ids: [], unresolved: 0 });
    });

    test('gives it back, without a row, when it is stopped', async () => {
      const file = await one();
      const outcome = await attempt(file, { signal: AbortSignal.abort(new Error('stopped')) });
      assert.deepEqual(outcome, { kind: 'stopped' });
      assert.deepEqual(await leftBy(way, file), { status: 'pending', ids: [], unresolved: 0 });
    });
  });

describe('an attempt over several backends', { skip: plain.skip }, () => {
  const way = single(plain, 3);

  test('ends what an earlier one has left, prepared or not, before its own rows', async (t) => {
    const { pool, claimed, leavePrepared, attempt, connection } = way;
    const file = await claimed('again.ndjson', 'Patient', [{ id: 'a' }]);
    const identity = await identifyFile(pool, file.id);
    await leavePrepared(file, 'left', ATTEMPT);
    const stray = new pg.Client({ ...connection, application_name: partitionName(identity.key, ATTEMPT) });
    stray.on('error', () => {});
    await stray.connect();
    t.after(() => stray.end().catch(() => {}));
    await stray.query(`begin; insert into patient (id, txid, status, resource) values ('stray', 1, 'created', '{}')`);
    assert.equal((await attempt(file)).kind, 'done');
    assert.deepEqual(await leftBy(way, file), { status: 'done', ids: ['a'], unresolved: 0 });
    await assert.rejects(stray.query('commit'));
  });

  test('resolves what an earlier one has left prepared, where no backend of it is left', async () => {
    const file = await way.claimed('prepared.ndjson', 'Patient', [{ id: 'a' }]);
    await way.leavePrepared(file, 'left');
    assert.equal((await way.attempt(file)).kind, 'done');
    assert.deepEqual(await leftBy(way, file), { status: 'done', ids: ['a'], unresolved: 0 });
  });

  test('closes its connections', async () => {
    const { pool, claimed, attempt } = way;
    const file = await claimed('closed.ndjson', 'Patient', [{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
    const open = `select from pg_stat_activity where datname = current_database() and application_name like $1`;
    const names = [`${partitionNames((await identifyFile(pool, file.id)).key)}%`];
    assert.equal((await attempt(file)).kind, 'done');
    await waitFor(async () => (await pool.query(open, names)).rowCount === 0, { timeoutMs: 60_000, what: 'their end' });
  });

  test('that is decided is brought to its end, though the statement that says `done` has failed', async (t) => {
    const { pool, claimed, attempt } = way;
    // A sequence remembers what is rolled back, too: it fails once.
    await pool.query(`
      create sequence refused;
      create function refuse_once() returns trigger language plpgsql as $$ begin
        if new.resource ->> 'status' = 'done' and nextval('refused') = 1 then raise 'not now'; end if;
        return new; end $$;
      create trigger refuse_once before update on loaderfile for each row execute function refuse_once()`);
    t.after(() => pool.query('drop function refuse_once cascade; drop sequence refused'));
    const file = await claimed('decided.ndjson', 'Patient', [{ id: 'a' }, { id: 'b' }]);
    assert.equal((await attempt(file)).kind, 'done');
    assert.deepEqual(await leftBy(way, file), { status: 'done', ids: ['a', 'b'], unresolved: 0 });
  });

  test('whose commit is refused for what lies in another backend’s rows is loaded through one', async (t) => {
    const { pool, claimed, attempt } = way;
    // As a deferred foreign key to a row of the file that another backend has.
    await pool.query(`
      create function refuse_holder() returns trigger language plpgsql as $$ begin
        if current_setting('application_name') like '%holder%' then raise 'its other rows are missing'; end if;
        return null; end $$;
      create constraint trigger refuse_holder after insert on patient deferrable initially deferred
        for each row execute function refuse_holder()`);
    t.after(() => pool.query('drop function refuse_holder cascade'));
    const ids = Array.from({ length: 12 }, (_, n) => `row-${String(n).padStart(2, '0')}`);
    const file = await claimed(
      'refused.ndjson',
      'Patient',
      ids.map((id) => ({ id })),
    );
    assert.equal((await attempt(file)).kind, 'done');
    assert.deepEqual(await leftBy(way, file), { status: 'done', ids, unresolved: 0 });
  });
});

test('a batch that is stopped when rows of some of its files are written gives all of them back, without a row', async () => {
  const { pool, claimed, idsIn, statusOf, options, task } = plain;
  const big = (id: string) => [{ id, note: 'x'.repeat(900_000) }];
  const files = [];
  for (const key of ['b1', 'b2', 'b3']) files.push(await claimed(`${key}.ndjson`, 'Patient', big(key)));
  const last = await claimed('last.ndjson', 'Patient', [{ id: 'last' }]);
  const stop = new AbortController();
  const { source } = options;
  const held: typeof source = {
    list: source.list,
    open: (object, signal) => {
      const bytes = source.open(object, signal);
      if (object.key !== 'last.ndjson') return bytes;
      const read = async function* () {
        const written = `select from pg_locks l join pg_stat_activity a using (pid)
          where l.relation = 'patient'::regclass and l.mode = 'RowExclusiveLock' and a.state = 'idle in transaction'
            and a.datname = current_database()`;
        await waitFor(async () => (await pool.query(written)).rowCount === 1, {
          timeoutMs: 60_000,
          what: 'the rows of the others',
        });
        stop.abort(new Error('stopped'));
        yield* bytes.read();
      };
      return Object.assign(Object.create(bytes), { read });
    },
  };
  const outcome = await loadBatch(
    { ...task, files: [...files, last] },
    { ...options, source: held, signal: stop.signal },
  );
  assert.deepEqual(outcome, { kind: 'batch', files: Array.from({ length: 4 }, () => ({ kind: 'stopped' })) });
  assert.deepEqual(await idsIn('Patient'), []);
  for (const file of [...files, last]) assert.equal(await statusOf(file), 'pending');
});
