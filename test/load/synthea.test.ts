import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { fhirpathModel, remembering } from '../pipeline/fhir-to-aidbox/oracle/fhir-model.ts';
import { readTree, writeTree } from '../pipeline/fhir-to-aidbox/oracle/json-tree.ts';
import { aidboxOf } from '../pipeline/fhir-to-aidbox/oracle/oracle.ts';
import { startTestServer } from '../support/test-server.ts';

/** Files that Synthea wrote for ten patients; not part of the repository. */
const folder =
  process.env['TEST_SYNTHEA_FOLDER'] ?? fileURLToPath(new URL('../../../shared/data/synthea-10', import.meta.url));
const skip = !existsSync(folder) && `no folder ${folder}; TEST_SYNTHEA_FOLDER names another`;

/** A type, where FHIR has something, and where Aidbox has it. The sample holds no Observation. */
const PLACES = [
  ['Condition', '{onsetDateTime}', '{onset,dateTime}'],
  ['Condition', '{encounter,reference}', '{encounter,id}', 'Encounter/'],
  ['Procedure', '{performedPeriod,start}', '{performed,Period,start}'],
  ['Procedure', '{subject,reference}', '{subject,id}', 'Patient/'],
  ['Procedure', '{location,reference}', '{location,uri}'],
  ['MedicationRequest', '{medicationCodeableConcept,text}', '{medication,CodeableConcept,text}'],
  ['Immunization', '{occurrenceDateTime}', '{occurrence,dateTime}'],
  ['Patient', '{extension,0,extension,0,valueCoding,code}', '{extension,0,extension,0,value,Coding,code}'],
  ['Patient', '{multipleBirthBoolean}', '{multipleBirth,boolean}'],
] as const;

describe('real files of Synthea', { skip }, () => {
  const server = skip === false ? startTestServer({ after }) : undefined;

  test('as-is: every jsonb is the line without id and resourceType, as Postgres compares them', async () => {
    assert.ok(server !== undefined);
    const { s3, sql, load } = await server;
    const bucket = await s3.createBucket();
    const names = (await readdir(folder)).filter((name) => name.endsWith('.ndjson.gz'));
    for (const name of names) await s3.putObject(bucket, `fhir/${name}`, await readFile(`${folder}/${name}`));
    assert.ok(names.length > 0);
    assert.deepEqual(await load(bucket, { format: 'as-is' }), {
      state: 'completed',
      progress: { total: names.length, done: names.length },
    });

    for (const name of names) {
      const lines = gunzipSync(await readFile(`${folder}/${name}`))
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '');
      const type = name.slice(0, name.indexOf('.'));
      const table = pg.escapeIdentifier(type.toLowerCase());
      await sql('create temporary table line (line text not null)');
      await sql('insert into line select unnest($1::text[])', [lines]);
      const [compared] = await sql(
        `select (select count(*)::int from ${table}) as rows,
                count(*) filter (where t.resource = l.line::jsonb - 'id' - 'resourceType'
                                   and t.resource_type = l.line::jsonb ->> 'resourceType'
                                   and t.status = 'created')::int as equal
           from line l left join ${table} t on t.id = l.line::jsonb ->> 'id'`,
      );
      await sql('drop table line');
      assert.deepEqual(compared, { rows: lines.length, equal: lines.length }, name);
      const loaded = await sql(
        `select (resource ->> 'loaded')::int as loaded from loaderfile where resource ->> 'file' = $1`,
        [`fhir/${name}`],
      );
      assert.deepEqual(loaded, [{ loaded: lines.length }], name);
    }
  });

  test("fhir: every jsonb is the line in Aidbox's storage format, by the official definitions", async () => {
    assert.ok(server !== undefined);
    const { s3, sql, load } = await server;
    const model = remembering(fhirpathModel('r4'));
    const bucket = await s3.createBucket();
    const names = (await readdir(folder)).filter((name) => name.endsWith('.ndjson.gz'));
    for (const name of names) await s3.putObject(bucket, name, await readFile(`${folder}/${name}`));
    assert.deepEqual(await load(bucket, { 'upsert?': true }), {
      state: 'completed',
      progress: { total: names.length, done: names.length },
    });
    for (const name of names) {
      const type = name.slice(0, name.indexOf('.'));
      const expected = gunzipSync(await readFile(`${folder}/${name}`))
        .toString('utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => {
          const tree = readTree(line);
          assert.ok(tree.kind === 'object');
          return { id: JSON.parse(line).id, resource: writeTree(aidboxOf(model, type, tree)) };
        });
      const [compared] = await sql(
        `select count(*)::int as equal from ${pg.escapeIdentifier(type.toLowerCase())} t
           join unnest($1::text[], $2::text[]) as e (id, resource) on e.id = t.id and e.resource::jsonb = t.resource`,
        [expected.map(({ id }) => id), expected.map(({ resource }) => resource)],
      );
      assert.deepEqual(compared, { equal: expected.length }, name);
    }
    const [found] = await sql(
      `select count(*)::int as encounters, count(p.id)::int as with_patient
         from encounter e left join patient p on p.id = e.resource #>> '{subject,id}'`,
    );
    assert.equal(found?.['with_patient'], found?.['encounters']);
    for (const [type, fhir, aidbox, prefix = ''] of PLACES) {
      const lines = gunzipSync(await readFile(`${folder}/${type}.000.ndjson.gz`))
        .toString('utf8')
        .trim()
        .split('\n');
      const [compared] = await sql(
        `select count(*)::int as equal, count(said) > 0 as any
           from (select line ->> 'id' as id, line #>> $2 as said from unnest($1::jsonb[]) as line) fhir
           join ${pg.escapeIdentifier(type.toLowerCase())} t using (id)
          where $4 || (t.resource #>> $3) is not distinct from said`,
        [lines, fhir, aidbox, prefix],
      );
      assert.deepEqual(compared, { equal: lines.length, any: true }, `${type} ${aidbox}`);
    }
  });
});
