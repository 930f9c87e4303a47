import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import pg from 'pg';
import { planBucket } from '../../demo/fhir-data/plan-bucket.ts';
import { ndjsonGzip } from '../../demo/fhir-data/write-ndjson-gzip.ts';
import { startTestServer } from '../support/test-server.ts';

/** Files that Synthea wrote for ten patients; not part of the repository. */
const folder =
  process.env['TEST_SYNTHEA_FOLDER'] ?? fileURLToPath(new URL('../../../shared/data/synthea-10', import.meta.url));

interface ExportFile {
  key: string;
  body: Buffer;
}

async function synthea(): Promise<ExportFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.ndjson.gz'));
  return await Promise.all(names.map(async (key) => ({ key, body: await readFile(`${folder}/${key}`) })));
}

async function demo(): Promise<ExportFile[]> {
  const files = planBucket({ resources: 6_000, files: 30, seed: 3 });
  return await Promise.all(files.map(async (file) => ({ key: file.key, body: (await ndjsonGzip(file, 3)).body })));
}

interface Resource {
  resourceType: string;
  id: string;
  [key: string]: unknown;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Every object in a resource; `contained` resources have types and ids of their own. */
function* objectsOf(value: unknown, withContained = false): Generator<Record<string, unknown>> {
  if (Array.isArray(value)) for (const item of value) yield* objectsOf(item, withContained);
  else if (isObject(value)) {
    yield value;
    for (const [key, member] of Object.entries(value))
      if (withContained || key !== 'contained') yield* objectsOf(member, withContained);
  }
}

const isConditional = ({ reference }: Record<string, unknown>) =>
  typeof reference === 'string' && reference.includes('?identifier=');

/** `Type/id` of all that a resource of an export refers to, by identifier or by id, by what is in the export. */
function meant(resource: Resource, byIdentifier: ReadonlyMap<string, readonly string[]>): string[] {
  const all = [...objectsOf(resource)].flatMap(({ reference }) => {
    if (typeof reference !== 'string') return [];
    if (!reference.includes('?identifier=')) return /^[A-Z][A-Za-z]+\/[\w.-]+$/.test(reference) ? [reference] : [];
    const found = byIdentifier.get(reference) ?? [];
    assert.equal(found.length, 1, reference);
    return found;
  });
  return all.toSorted();
}

function stored(resource: unknown): string[] {
  const pairs = [...objectsOf(resource)].filter(
    ({ resourceType, id }) => resourceType !== undefined && id !== undefined,
  );
  return pairs.map(({ resourceType, id }) => `${resourceType}/${id}`).toSorted();
}

for (const { name, files, skip } of [
  { name: 'demo data', files: demo, skip: false },
  {
    name: 'Synthea',
    files: synthea,
    skip: !existsSync(folder) && `no folder ${folder}; TEST_SYNTHEA_FOLDER names another`,
  },
]) {
  describe(`an export of ${name}`, { skip }, () => {
    test('has every conditional reference resolved to the resource that has the identifier', async (t) => {
      const server = await startTestServer(t);
      const bucket = await server.s3.createBucket();
      const resources: Resource[] = [];
      for (const { key, body } of await files()) {
        await server.s3.putObject(bucket, key, body);
        for (const line of gunzipSync(body).toString('utf8').split('\n'))
          if (line !== '') resources.push(JSON.parse(line));
      }
      const byIdentifier = new Map<string, string[]>();
      for (const { resourceType, id, identifier } of resources) {
        for (const { system, value } of Array.isArray(identifier) ? identifier : []) {
          const reference = `${resourceType}?identifier=${system}|${value}`;
          byIdentifier.set(reference, [...(byIdentifier.get(reference) ?? []), `${resourceType}/${id}`]);
        }
      }
      const { progress, message } = await server.load(bucket, { 'resolve-references?': true });
      assert.deepEqual([progress['done'], message], [progress['total'], undefined]);
      let open = 0;
      for (const [type, all] of Map.groupBy(resources, ({ resourceType }) => resourceType)) {
        const rows = await server.sql<{ id: string; resource: unknown }>(
          `select id, resource from ${pg.escapeIdentifier(type.toLowerCase())}`,
        );
        const byId = new Map(rows.map(({ id, resource }) => [id, resource]));
        assert.equal(byId.size, all.length);
        for (const resource of all) {
          open += [...objectsOf(resource, true)].filter(isConditional).length;
          assert.deepEqual(stored(byId.get(resource.id)), meant(resource, byIdentifier), `${type}/${resource.id}`);
        }
      }
      assert.ok(open > 1_000, `only ${open} conditional references`);
      const { body } = await server.rpc('aidbox.bulk/load-from-bucket-status', {
        bucket: `s3://${bucket}`,
        verbose: true,
      });
      const { references } = body.result as { references?: object };
      assert.deepEqual(references, { resolved: open, unresolved: {}, ambiguous: {} });
    });
  });
}
