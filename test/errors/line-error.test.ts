import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineError } from '../../src/errors/line-error.ts';

test('A line error names line, id, fault and the way out', () => {
  const error = new LineError('type-differs', 12, { id: 'a"b', expectedType: 'Patient' });
  assert.equal(error.message, 'line 12, id "a\\"b": "resourceType" is not Patient, the type in the file\'s name');
  assert.deepEqual([error.failure, error.line, error.id], ['type-differs', 12, 'a"b']);
  const tooLong = new LineError('line-too-long', 3, { limit: 100 });
  assert.equal(tooLong.message, 'line 3: the line is longer than 100 bytes (LOADER_MAX_LINE_BYTES)');
});
