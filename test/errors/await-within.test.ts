import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { awaitWithin } from '../../src/errors/await-within.ts';

const late = () => new Error('late');
const never = new Promise<never>(() => {});

describe('awaitWithin', () => {
  test('gives what comes in time, and what fails in time', async () => {
    assert.equal(await awaitWithin(Promise.resolve('value'), { limitMs: 60_000, late }), 'value');
    await assert.rejects(awaitWithin(Promise.reject(new Error('own')), { limitMs: 60_000, late }), { message: 'own' });
  });

  test('throws once the limit has passed; a failure that comes later ends nothing', async () => {
    const { promise, reject } = Promise.withResolvers<never>();
    await assert.rejects(awaitWithin(promise, { limitMs: 1, late }), { message: 'late' });
    reject(new Error('unheard'));
  });

  test('a limit of 0 is none: only the signal ends the wait', async () => {
    const abort = new AbortController();
    const waiting = awaitWithin(never, { limitMs: 0, signal: abort.signal, late });
    abort.abort(new Error('stopped'));
    await assert.rejects(waiting, { message: 'stopped' });
    await assert.rejects(awaitWithin(never, { limitMs: 0, signal: abort.signal, late }), { message: 'stopped' });
  });
});
