import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOpenFilesLimit } from '../../src/errors/open-files.ts';

test('the limit of open files is found in every form that Node gives it, also as a cause', () => {
  const socket = Object.assign(new Error('socket'), { code: 'EMFILE', syscall: 'connect' });
  const system = Object.assign(new Error('uv_os_homedir'), { code: 'ERR_SYSTEM_ERROR', info: { code: 'EMFILE' } });
  for (const error of [socket, system]) {
    assert.ok(isOpenFilesLimit(error));
    assert.ok(isOpenFilesLimit(new Error('the SDK', { cause: error })));
    assert.ok(isOpenFilesLimit(new AggregateError([new Error('one address'), error])));
  }
  assert.ok(!isOpenFilesLimit(Object.assign(new Error('reset'), { code: 'ECONNRESET' })));
  assert.ok(!isOpenFilesLimit('EMFILE'));
});
