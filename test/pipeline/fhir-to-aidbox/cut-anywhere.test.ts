import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Transforms } from '../../../src/pipeline/create-transform.ts';
import { readNdjson } from '../../../src/pipeline/read-ndjson.ts';
import { cutAt } from '../cut-at.ts';
import { type EncodedRow, encode, testEncoder } from '../encode.ts';
import { LineChecker } from './check-line.ts';
import { fhirpathModel, remembering } from './oracle/fhir-model.ts';
import { readTree, writeTree } from './oracle/json-tree.ts';

const OPTIONS = { format: 'fhir', fhirVersion: 'r4', convertExtensions: true, keepLastUpdated: false } as const;

/** Plain lines and unusual ones, as both roads of a conversion are to be met. */
const LINES = [
  '{"resourceType":"Observation","id":"plain","meta":{"versionId":"1","lastUpdated":"2024-01-01T00:00:00Z"},"subject":{"reference":"Patient/p-1","display":"Ä 😀"},"valueQuantity":{"value":1.10,"unit":"mg"},"component":[{"valueString":"\\"x\\\\"},{"extension":[{"url":"u","valueCode":"c"}]}]}',
  '{"id":"escaped","\\u0076alueString":"x","subject":{"\\u0072eference":"Patient\\/1"}}',
  ' { "valueString" : "a" , "status":"final","valueBoolean":true, "id" : "\\u0074wo" } \r',
  '',
  '{"contained":[{"id":"c","valueInteger":1,"resourceType":"Observation"}],"focus":[{"reference":"#c"},{"reference":"Device?identifier=s|v"}],"id":"last"}',
];
const BYTES = Buffer.from(`\ufeff${LINES.join('\n')}`);

const transforms = new Transforms();
const rowsOf = (chunks: readonly Buffer[]) =>
  encode(chunks, testEncoder({ transform: transforms.create(OPTIONS, 'Observation') }));

async function read(chunks: readonly Buffer[]): Promise<EncodedRow[]> {
  const whole: Buffer[] = [];
  for await (const chunk of readNdjson(Readable.from(chunks))) whole.push(Buffer.from(chunk));
  return rowsOf(whole);
}

describe('a file that comes in pieces', () => {
  const whole = rowsOf([BYTES]);

  test('whole, its rows are what the oracle says', () => {
    const checker = new LineChecker(remembering(fhirpathModel('r4')));
    assert.deepEqual(
      whole.map(({ text }) => writeTree(readTree(text))),
      LINES.filter((line) => line !== '').map((line) => checker.expected(line, 'Observation')),
    );
    assert.deepEqual(
      whole.map(({ id }) => id),
      ['plain', 'escaped', 'two', 'last'],
    );
  });

  test('cut at every byte', () => {
    for (let at = 1; at < BYTES.length; at++) assert.deepEqual(rowsOf(cutAt(BYTES, [at])), whole, `cut at ${at}`);
  });

  test('cut at every two bytes so far apart, for every distance up to 20', () => {
    for (let distance = 1; distance <= 20; distance++) {
      for (let at = 1; at + distance < BYTES.length; at += 3) {
        assert.deepEqual(rowsOf(cutAt(BYTES, [at, at + distance])), whole, `cut at ${at} and ${distance} further`);
      }
    }
  });

  test('byte by byte', () => {
    assert.deepEqual(rowsOf(cutAt(BYTES, [...BYTES.keys()])), whole);
  });

  test('read from a source in two pieces, cut at every byte, packed or not', async () => {
    for (const file of [BYTES, gzipSync(BYTES)]) {
      for (let at = 1; at < file.length; at++) assert.deepEqual(await read(cutAt(file, [at])), whole, `cut at ${at}`);
    }
  });
});
