import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TimeToRead } from '../../src/worker/time-to-read.ts';

test('time counts while somebody waits for what is read, and not while Postgres takes rows', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  const pass = (ms: number) => {
    now += ms;
    t.mock.timers.tick(ms);
  };
  const reading = new TimeToRead(1_000);
  reading.goOn();
  pass(600);
  reading.pause();
  pass(5_000);
  reading.goOn();
  pass(399);
  assert.equal(reading.signal.aborted, false);
  pass(1);
  assert.match(String(reading.signal.reason), /slow/);
});

test('none is left to wait for once all is read', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const reading = new TimeToRead(1_000);
  reading.goOn();
  reading.end();
  assert.ok(reading.signal.aborted);
});
