import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { RowsKeptOut } from '../../src/errors/rows-kept-out.ts';
import { insertLoaderErrors, replaceLoaderErrors } from '../../src/store/loader-error.ts';
import { migratedClient } from '../support/migrated-client.ts';

const client = await migratedClient({ after });
const OWNER = { id: 'file', bucket: 's3://bucket', file: 'Patient.ndjson', type: 'Patient' };
const lineError = (line: number) => ({ line, offset: 0, source: 'aidbox', code: 'json', message: 'bad', text: '{' });
const lines = async (loaderFile: string) =>
  (
    await client.query<{ line: number }>(
      `select (resource ->> 'line')::int as line from loadererror where resource ->> 'loader-file' = $1 order by line`,
      [loaderFile],
    )
  ).rows.map(({ line }) => line);

test('a file’s LoaderErrors take the place of those of its earlier load, and of no other file’s', async () => {
  await insertLoaderErrors(client, { ...OWNER, id: 'other' }, [lineError(7)]);
  await replaceLoaderErrors(client, OWNER, [lineError(1), lineError(2)]);
  await replaceLoaderErrors(client, OWNER, [lineError(2), lineError(3)]);
  assert.deepEqual([await lines('file'), await lines('other')], [[2, 3], [7]]);
});

test('a trigger that keeps one out is told: a line that was left out would be named nowhere', async () => {
  await client.query(`
    create function swallow() returns trigger language plpgsql as $$ begin
      return case when new.resource ->> 'line' = '2' then null else new end; end $$;
    create trigger swallow before insert on loadererror for each row execute function swallow()`);
  await assert.rejects(insertLoaderErrors(client, OWNER, [lineError(1), lineError(2)]), RowsKeptOut);
});
