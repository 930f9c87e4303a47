import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fitCost } from '../../bench/threads/fit-cost.ts';
import { type Place, simulateSlots } from '../../bench/threads/simulate-slots.ts';

const place = (perFile: number, perMegabyte: number, servers: number): Place => ({ perFile, perMegabyte, servers });
const isNear = (found: number, wanted: number) =>
  assert.ok(Math.abs(found - wanted) < 0.05 * wanted, `${found} is not about ${wanted}`);

describe('the cost of files and megabytes', () => {
  test('is found again from loads that have it', () => {
    const loads = [
      [400, 1],
      [400, 60],
      [14, 60],
    ].map(([files = 0, megabytes = 0]) => ({ files, megabytes, seconds: files * 0.002 + megabytes * 0.001 }));
    const { perFile, perMegabyte } = fitCost(loads);
    isNear(perFile, 0.002);
    isNear(perMegabyte, 0.001);
  });

  test('cannot be told from loads that are alike', () => {
    const load = { files: 10, megabytes: 1, seconds: 1 };
    assert.throws(() => fitCost([load, { files: 20, megabytes: 2, seconds: 2 }]), /same proportion/);
  });
});

describe('simulated slots', () => {
  test('one slot passes all places in turn', () => {
    const { filesPerSecond, busy } = simulateSlots(1, 10, [place(0.1, 0, 1), place(0, 0.09, 4)]);
    isNear(filesPerSecond, 1);
    isNear(busy[0] ?? 0, 0.1);
  });

  test('more slots are faster in proportion until a place has no time left', () => {
    const places = (slots: number) => [place(0, 0.001, 1), place(0, 0.015, slots)];
    isNear(simulateSlots(1, 20, places(1)).megabytesPerSecond, 62.5);
    isNear(simulateSlots(8, 20, places(8)).megabytesPerSecond, 500);
    const full = simulateSlots(32, 20, places(32));
    isNear(full.megabytesPerSecond, 1000);
    isNear(full.busy[0] ?? 0, 1);
  });
});
