import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LineError, type LineFailure } from '../../src/errors/line-error.ts';
import { encode, encodeText, testEncoder } from './encode.ts';

describe('Lines that become rows', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['{"resourceType":"Patient","id":"x","a":1}', '{"a":1}'],
    ['{"id":"x","resourceType":"Patient","a":1}', '{"a":1}'],
    ['{"id":"x","a":1,"resourceType":"Patient"}', '{"a":1}'],
    ['{"a":1,"id":"x","resourceType":"Patient"}', '{"a":1}'],
    ['{"a":1,"id":"x","b":2,"resourceType":"Patient","c":3}', '{"a":1,"b":2,"c":3}'],
    ['{"a":1,"resourceType":"Patient","b":2,"id":"x"}', '{"a":1,"b":2}'],
    ['{"a":1 , "id":"x"}', '{"a":1 }'],
    ['{"id":"x"}', '{}'],
    ['{"id":"x","resourceType":"Patient"}', '{}'],
    [' { "id" : "x" , "resourceType" : "Patient" } \r', ' {   } \r'],
    ['{"id":"x","a":{"id":"y","resourceType":"Z"}}', '{"a":{"id":"y","resourceType":"Z"}}'],
    ['{"a":[{"b":1,"id":"y"}],"id":"x"}', '{"a":[{"b":1,"id":"y"}]}'],
    ['{"\\u0069d":"x","\\u0072esourceType":"Patient","a":1}', '{"a":1}'],
    ['{"id":"x","resourceType":"Pat\\u0069ent"}', '{}'],
    ['{"id":"\\u0078"}', '{}'],
    ['{"id":"x","a":"\\"id\\":\\\\","b":"é\\u00e9"}', '{"a":"\\"id\\":\\\\","b":"é\\u00e9"}'],
  ];
  for (const [line, text] of cases)
    test(line, () => {
      assert.deepEqual(encodeText(`${line}\n`), [{ id: 'x', text }]);
    });

  test('An id of 64 characters of several bytes each', () => {
    const id = '😀'.repeat(64);
    assert.deepEqual(encodeText(`{"id":"${id}"}`), [{ id, text: '{}' }]);
  });
});

describe('Lines that Postgres is left to refuse', () => {
  for (const [line, text] of [
    ['{"id":"x"} garbage', '{} garbage'],
    ['{"id":"x","a":1,}', '{"a":1,}'],
    ['{"id":"x","a":[}]}', '{"a":[}]}'],
    ['{"id":"x","a":tru}', '{"a":tru}'],
    ['{"id":"x","a":"\\u0000"}', '{"a":"\\u0000"}'],
    ['{"id":"x","a":1', '{"a":1'],
  ] as const)
    test(line, () => {
      assert.deepEqual(encodeText(line), [{ id: 'x', text }]);
    });

  test('Invalid UTF-8 stays as it is', () => {
    const bytes = Buffer.concat([Buffer.from('{"id":"x","a":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    const [row] = encode([bytes]);
    assert.equal(row?.text, '{"a":"\ufffd("}');
  });
});

describe('Lines with a failure', () => {
  const cases: readonly (readonly [LineFailure, string, string?])[] = [
    ['id-missing', '{}'],
    ['id-missing', '{"a":{"id":"x"}}'],
    ['id-missing', '{"ID":"x"}'],
    ['id-empty', '{"resourceType":"Patient","id":"","a":1}'],
    ['id-not-a-string', '{"id":1}'],
    ['id-not-a-string', '{"id":null}'],
    ['id-not-a-string', '{"id":{"a":"x"}}'],
    ['id-too-long', `{"id":"${'x'.repeat(65)}"}`],
    ['id-too-long', `{"resourceType":"Patient","id":"${'x'.repeat(65)}","a":1}`],
    ['id-too-long', `{"id":"${'\\u0078'.repeat(65)}"}`],
    ['id-twice', '{"id":"x","a":1,"id":"y"}', 'x'],
    ['id-twice', '{"resourceType":"Patient","id":"x","a":1 , "id" : "x"}', 'x'],
    ['id-twice', '{"resourceType":"Patient","id":"x","a":1,"\\u0069\\u0064":"x"}', 'x'],
    ['type-twice', '{"resourceType":"Patient","id":"x","resourceType":"Patient"}', 'x'],
    ['type-twice', '{"resourceType":"Patient","id":"x","a":1,"resourceTyp\\u0065":"Patient"}', 'x'],
    ['type-differs', '{"id":"x","resourceType":"Encounter"}', 'x'],
    ['type-differs', '{"resourceType":"patient","id":"x"}'],
    ['type-not-a-string', '{"id":"x","resourceType":null}', 'x'],
    ['not-an-object', '[{"id":"x"}]'],
    ['not-an-object', '"x"'],
    ['not-an-object', 'null'],
    ['not-json', 'x'],
    ['not-json', '{"id":"x",}', 'x'],
    ['not-json', '{"resourceType":"Patient","id":"x",}', 'x'],
    ['not-json', '{,"id":"x"}'],
    ['not-json', '{"id":"x"', 'x'],
    ['not-json', '{"id":"x'],
    ['not-json', '{"id"'],
    ['not-json', '{'],
    ['not-json', '{"id":"\\q"}'],
    ['not-json', '{"id":"\u0001"}'],
    ['not-json', '{"id":"\\u0000"}'],
    ['not-json', '{"id":"\\ud83d"}'],
  ];
  for (const [failure, line, id] of cases)
    test(`${failure}: ${line.slice(0, 80)}`, () => {
      const error = lineErrorOf(`{"id":"before"}\n\n${line}\n{"id":"after"}\n`);
      assert.deepEqual({ failure: error.failure, line: error.line, id: error.id }, { failure, line: 3, id });
    });

  test('Invalid UTF-8 in an id', () => {
    const bytes = Buffer.concat([Buffer.from('{"id":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    assert.throws(() => encode([bytes]), { name: 'LineError', failure: 'not-json', line: 1 });
  });

  test('A line above the limit', () => {
    const long = `{"id":"x","a":"${'y'.repeat(100)}"}`;
    assert.throws(() => encodeText(`{"id":"x"}\n${long}\n{"id":"z"}\n`, { maxLineBytes: long.length - 1 }), {
      name: 'LineError',
      failure: 'line-too-long',
      line: 2,
    });
    assert.equal(encodeText(long, { maxLineBytes: long.length }).length, 1);
  });

  function lineErrorOf(ndjson: string): LineError {
    try {
      encodeText(ndjson);
    } catch (error) {
      assert.ok(error instanceof LineError);
      return error;
    }
    throw new Error('no line failed');
  }
});

describe('Files', () => {
  test('Blank lines, CRLF, a byte order mark and a missing last line feed; rows know their lines', () => {
    const encoder = testEncoder();
    const ndjson = '\ufeff\n{"id":"a"}\r\n \t\r\n\r\n{"id":"b"}\n\n{"id":"c"}';
    const rows = encode([Buffer.from(ndjson)], encoder);
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(
      [1, 2, 3].map((row) => encoder.lineMap.lineOf(row)),
      [2, 5, 7],
    );
    assert.deepEqual([encoder.rows, encoder.bytesIn], [3, Buffer.byteLength(ndjson)]);
  });

  test('An empty file has no rows', () => {
    assert.deepEqual(encode([]), []);
    assert.deepEqual(encodeText('\n \n'), []);
  });

  test('Constants stand before id and resource', () => {
    const rows = encodeText('{"id":"a"}', { constants: [{ kind: 'int8', value: 7n }] });
    assert.deepEqual(rows, [{ id: 'a', text: '{}' }]);
  });
});
