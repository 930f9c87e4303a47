import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { DistributedTables } from '../../src/store/distributed-tables.ts';
import { createResourceTable } from '../../src/store/ensure-resource-table.ts';
import { copyRows } from '../../src/target/copy-rows.ts';
import { InsertVersionsTarget } from '../../src/target/insert-versions-target.ts';
import { migratedClient } from '../support/migrated-client.ts';
import { ndjson } from '../support/ndjson.ts';

/** Of the file; then of the table, of its history, and those of these that are deletions. */
const FILE = 500;
const ROWS = 10_000;
const VERSIONS = 20_000;
const DELETIONS = 1_000;
/** Rows of the file that were deleted once. */
const RECREATED = FILE / 10;
const TXID = 9_000_000n;

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Loops': number;
  Plans?: PlanNode[];
}

const allOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(allOf)];

test('what is recreated is found by one pass over the history, though Postgres takes the file’s rows for one', async (t) => {
  const client = await migratedClient(t);
  const table = await createResourceTable(client, 'Account', { distribute: false });
  // A load analyzes its tables, and nobody their histories.
  await client.query(`
    alter table account set (autovacuum_enabled = off); alter table account_history set (autovacuum_enabled = off);
    insert into account (id, txid, resource_type, status, resource)
      select 'row-' || n, n, 'Account', 'created', '{}' from generate_series(1, ${ROWS}) n;
    insert into account_history (id, txid, resource_type, status, resource)
      select case when n <= ${DELETIONS} then 'gone-' else 'row-' end || n, n, 'Account',
             (case when n <= ${DELETIONS} then 'deleted' else 'updated' end)::resource_status, '{}'
        from generate_series(1, ${VERSIONS}) n;
    analyze account;
    begin`);
  const lines = Array.from({ length: FILE }, (_, n) => ({ id: `${n < RECREATED ? 'gone' : 'new'}-${n + 1}` }));
  const target = new InsertVersionsTarget({
    table,
    type: 'Account',
    txid: TXID,
    defaultTs: undefined,
    distributed: new DistributedTables(),
  });
  const encoder = {
    transform: new IdentityTransform('Account'),
    constants: target.constants,
    maxLineBytes: 10_000,
    buffers: new CopyBuffers(64 * 1024),
  };
  const { signal } = new AbortController();
  const times = { gunzipMs: 0, postgresMs: 0 };
  const options = { statement: target.statement, encoder, maxErrors: 0, signal, times };
  const chunks = async function* () {
    yield Buffer.from(ndjson(lines));
  };
  const copy = await copyRows([client], chunks(), options, () => {});
  await client.query('savepoint copied');
  const sent = t.mock.method(client, 'query');
  await target.complete(client, copy);
  const texts = sent.mock.calls.map(({ arguments: [text] }) => String(text));
  sent.mock.restore();
  const { rows: written } = await client.query(`select id from account where status = 'recreated'`);
  assert.equal(written.length, RECREATED);
  const [update] = texts.filter((text) => text.includes(`'recreated'`));
  await client.query('rollback to savepoint copied');
  const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `explain (analyze, format json) ${update}`,
    [TXID.toString()],
  );
  const plan = rows[0]?.['QUERY PLAN'][0].Plan;
  assert.ok(plan);
  const nodes = allOf(plan);
  // Whatever holds the deletions, sorted or not, is gone through once; of the table at most single rows are read again.
  const often = nodes.filter((node) => node['Actual Loops'] > 1);
  assert.ok(nodes.some((node) => node['Relation Name'] === 'account_history'));
  assert.deepEqual(
    often.map((node) => [node['Node Type'], node['Relation Name']]),
    [['Index Scan', 'account']],
  );
});
