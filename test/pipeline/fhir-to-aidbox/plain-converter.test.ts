import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Transforms } from '../../../src/pipeline/create-transform.ts';
import { NodeCompiler } from '../../../src/pipeline/fhir-to-aidbox/compile-nodes.ts';
import { DEFINITIONS } from '../../../src/pipeline/fhir-to-aidbox/fhir-version.ts';
import { NodeTables } from '../../../src/pipeline/fhir-to-aidbox/node-tables.ts';
import { PlainConverter } from '../../../src/pipeline/fhir-to-aidbox/plain-converter.ts';
import { LineConverter } from './convert-line.ts';

const MEGABYTE = 2 ** 20;

/** Whether the plain converter takes the line; `LineConverter` holds what it gives against the other converter. */
function isPlain(line: string, type: string): boolean {
  const converter = new LineConverter();
  // The first line shows which types of resources lie within others.
  for (const each of [line, line]) assert.equal(typeof converter.convert(each, type), 'string', line);
  return converter.plain >= 2;
}

describe('what real files hold is converted by the plain converter', () => {
  for (const [type, line] of [
    ['Observation', '{"resourceType":"Observation","id":"x","valueQuantity":{"value":1.10}}'],
    ['Observation', '{"id":"x","value":{"Quantity":{"value":1.10}},"subject":{"id":"1","resourceType":"Patient"}}'],
    ['Observation', ' { "id" : "x" , "effectiveDateTime" : "2024" , "meta" : { "versionId" : "1" } } \r'],
    [
      'Observation',
      '{"subject":{"id":"e","display":"d","reference":"Patient/1"},"id":"last","resourceType":"Observation"}',
    ],
    ['Observation', '{"contained":[{"id":"c","valueString":"x","resourceType":"Observation"}]}'],
    ['Observation', '{"text":{"div":"<div class=\\"a\\">\\u003cp\\/>\\\\</div>"},"note":[{"text":"\\u00e9 \\n"}]}'],
    [
      'Patient',
      '{"extension":[{"extension":[{"valueCode":"x"}],"url":"u"}],"_birthDate":{"extension":[{"valueDate":"x"}]}}',
    ],
    // Some writers escape every slash, or what is not ASCII.
    [
      'Observation',
      '{"subject":{"reference":"Patient\\/1"},"focus":[{"reference":"http:\\/\\/x\\/fhir\\/Patient\\/1"}]}',
    ],
    ['Observation', '{"subject":{"reference":"Patient\\/1\\/_history\\/2"},"encounter":{"reference":"#caf\\u00e9"}}'],
    ['Observation', '{"subject":{"reference":"Location?identifier=http:\\/\\/x|\\u00e9\\u006e"}}'],
    ['Custom', '{"id":"x","subject":{"reference":"Patient/1"},"meta":{"lastUpdated":"2024"}}'],
  ] as const) {
    test(line, () => assert.ok(isPlain(line, type)));
  }
});

describe('what is unusual is left to the other', () => {
  for (const [type, line] of [
    ['Observation', '{"\\u0076alueString":"x"}'],
    ['Observation', '{"valueString":"x","valueBoolean":true}'],
    ['Observation', '{"value":{"string":"x"},"valueBoolean":true}'],
    ['Observation', '{"subject":{"reference":"Patient\\u002f1"}}'],
    ['Observation', '{"subject":{"reference":"Pat\\u0069ent/1"}}'],
    ['Observation', '{"subject":{"reference":"\\u0050atient/1"}}'],
    ['Observation', '{"subject":{"reference":"Patient/\\u0031"}}'],
    ['Observation', '{"meta":{"versionId":1}}'],
    // Any escaped letter may be of a key `extension`.
    ['Patient', '{"name":[{"period":{"\\u0065nd":"2024"}}]}'],
    ['Observation', '{"id":"é"}'],
    ['Observation', '{"id":"\\u0041"}'],
    ['Observation', `${'{"extension":['.repeat(150)}${']}'.repeat(150)}`],
    ['Bundle', '{"entry":[{"resource":{"resourceType":"OfAnotherVersion"}}]}'],
  ] as const) {
    test(line.slice(0, 100), () => assert.ok(!isPlain(line, type)));
  }
});

test('a line of 1 MB is plain, a longer one is not, and both become the same', () => {
  const lineOf = (bytes: number) => {
    const [front, back] = ['{"id":"x","valueString":"', '"}'];
    return front + 'x'.repeat(bytes - front.length - back.length) + back;
  };
  assert.ok(isPlain(lineOf(MEGABYTE), 'Observation'));
  assert.ok(!isPlain(lineOf(MEGABYTE + 1), 'Observation'));
});

test('a line that is as dense as can be is converted, by one or the other', () => {
  for (const dense of [
    '{"valueUri":1},'.repeat(60_000),
    '{"value":{"uri":{"extension":[]}}},'.repeat(25_000),
    '[],'.repeat(300_000),
    '"\\u0061",'.repeat(100_000),
    '{"valueReference":{"reference":"Aa/1"}},'.repeat(20_000),
    '{"valueReference":{"reference":"?"}},'.repeat(20_000),
  ]) {
    const converted = new LineConverter().convert(`{"extension":[${dense}0]}`, 'Patient');
    assert.equal(typeof converted, 'string', dense.slice(0, 50));
  }
});

test('files that take turns in a thread do not disturb each other', () => {
  const transforms = new Transforms();
  const options = { format: 'fhir', fhirVersion: 'r4', convertExtensions: true, keepLastUpdated: true } as const;
  const files = ['Observation', 'Patient'].map((type) => {
    const line = Buffer.from(
      `{"resourceType":"${type}","id":"${type}-1","meta":{"lastUpdated":"2024-01-01T00:00:00Z"},"valueString":"x"}`,
    );
    const transform = transforms.create(options, type);
    transform.attach(line);
    return { line, transform };
  });
  for (let turn = 0; turn < 3; turn++) {
    const texts = files.map(({ line, transform }) => {
      assert.equal(transform.take(0, line.length), 'row');
      const out = Buffer.alloc(transform.jsonBytes);
      transform.writeJson(out, 0);
      const id = transform.idBytes.toString('utf8', transform.idStart, transform.idEnd);
      return `${id} ${transform.ts} ${out}`;
    });
    assert.deepEqual(texts, [
      'Observation-1 757382400000000 {"value":{"string":"x"}}',
      'Patient-1 757382400000000 {"valueString":"x"}',
    ]);
  }
});

test('where the room for definitions ends, a type has all of its keys or none', () => {
  const compiler = new NodeCompiler(DEFINITIONS.r5, { convertExtensions: true });
  const types = ['Patient', 'Observation', 'PlanDefinition', 'Bundle'];
  const entries = new Set<number>();
  const tablesOf = (bytes: number) =>
    new NodeTables({ memory: Buffer.alloc(bytes), from: 8, to: bytes, addEntry: (_, entry) => entries.add(entry) });
  let none = 0;
  for (let kilobytes = 1; kilobytes < 1024; kilobytes += 4) {
    const tables = tablesOf(kilobytes * 1024);
    const places = types.map((type) => tables.place(compiler.root(type)));
    const full = places.indexOf(undefined);
    if (full === -1) continue;
    none++;
    // None of what comes later, as it may lead to what was begun and not ended.
    assert.ok(
      places.slice(full).every((place) => place === undefined),
      `${kilobytes} kB: ${places}`,
    );
    assert.deepEqual(
      types.map((type) => tables.place(compiler.root(type))),
      places,
    );
  }
  assert.ok(none > 10 && entries.size > 0);
});

test('all types of every version fit', () => {
  for (const definitions of Object.values(DEFINITIONS)) {
    const compiler = new NodeCompiler(definitions, { convertExtensions: true });
    const plain = new PlainConverter(compiler);
    for (const type of Object.keys(definitions.types)) {
      assert.notEqual(plain.root(compiler.root(type)), undefined, type);
    }
    const line = Buffer.from('{"id":"x","entry":[{"resource":{"resourceType":"Patient","deceasedBoolean":true}}]}');
    const root = plain.root(compiler.root('Bundle')) ?? 0;
    assert.ok(plain.convert(root, line, 0, line.length));
    const out = Buffer.alloc(plain.length);
    plain.write(out, 0);
    assert.equal(out.toString(), '{"entry":[{"resource":{"resourceType":"Patient","deceased":{"boolean":true}}}]}');
  }
});
