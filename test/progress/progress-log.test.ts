import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressLog } from '../../src/progress/progress-log.ts';

test('totals only grow, whatever a file takes back, and keep what ended', () => {
  const log = new ProgressLog();
  log.begin('a');
  log.begin('b');
  assert.deepEqual(log.update('a', { bytes: 10, rows: 2 }), { bytes: 10, rows: 2 });
  assert.deepEqual(log.update('a', { bytes: 4, rows: 3 }), { bytes: 0, rows: 1 });
  log.update('b', { bytes: 5, rows: 1 });
  assert.deepEqual(log.files, { a: { bytes: 4, rows: 3 }, b: { bytes: 5, rows: 1 } });
  log.end('a');
  assert.deepEqual([log.files, log.totals()], [{ b: { bytes: 5, rows: 1 } }, { bytes: 9, rows: 4 }]);
});
