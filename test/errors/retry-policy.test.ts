import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { jittered, pause, pauseMs, type RetryOptions, retry } from '../../src/errors/retry-policy.ts';

const { signal: never } = new AbortController();
const options: RetryOptions = {
  attempts: 3,
  pauses: { firstMs: 1, mostMs: 2 },
  signal: never,
  isTransient: (error) => error instanceof RangeError,
};

/** Work that throws these errors in turn and then succeeds. */
const failing = (...errors: Error[]) => {
  const left = [...errors];
  return async () => {
    const error = left.shift();
    if (error !== undefined) throw error;
    return 'done';
  };
};

describe('retry', () => {
  test('repeats what may pass', async () => {
    assert.equal(await retry(failing(new RangeError('1'), new RangeError('2')), options), 'done');
  });

  test('throws the last failure once all attempts are used', async () => {
    const work = failing(new RangeError('1'), new RangeError('2'), new RangeError('3'));
    await assert.rejects(retry(work, options), { message: '3' });
  });

  test('throws at once what does not pass', async () => {
    await assert.rejects(retry(failing(new TypeError('final')), options), { message: 'final' });
  });

  test('aborting ends the pause; what was thrown before it is thrown', async () => {
    const abort = new AbortController();
    const pauses = { firstMs: 3_600_000, mostMs: 3_600_000 };
    const result = retry(failing(new RangeError('1')), { ...options, pauses, signal: abort.signal });
    abort.abort();
    await assert.rejects(result, { message: '1' });
  });
});

test('pauses grow by their factor up to the ceiling, and jitter takes at most half', () => {
  const pauses = { firstMs: 10, mostMs: 500, factor: 4 };
  assert.deepEqual(
    [1, 2, 3, 4, 5].map((attempt) => pauseMs(attempt, pauses)),
    [10, 40, 160, 500, 500],
  );
  for (let n = 0; n < 100; n++) {
    const ms = jittered(100);
    assert.ok(ms >= 50 && ms <= 100);
  }
});

test('a pause that is aborted, before or after it begins, ends without an error', async () => {
  await pause(3_600_000, AbortSignal.abort());
  const abort = new AbortController();
  const paused = pause(3_600_000, abort.signal);
  abort.abort();
  await paused;
});
