import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBenchOptions } from '../../bench/bench-options.ts';

test('trees to compare and names are lists, in one option or several', () => {
  const read = (...args: string[]) => readBenchOptions({ megabytes: 1 }, [], args);
  assert.deepEqual(read('--compare', 'a', '--compare', 'b,c').compare, ['a', 'b', 'c']);
  assert.deepEqual(read('--only', 'floor,ours').only, ['floor', 'ours']);
  assert.deepEqual(read().compare, []);
});

test('an option that a bench has no use for is refused, and so is a number that is none', () => {
  const refused = (args: string[], message: RegExp) =>
    assert.throws(() => readBenchOptions({ megabytes: 1 }, ['files'], args), { name: 'UsageError', message });
  refused(['--files', '3'], /^--files means nothing here$/);
  refused(['--rounds', '1', '--rounds', '2'], /--rounds may be given only once/);
  for (const args of [
    ['--rounds', 'x'],
    ['--threads', '1.5'],
    ['--size', '0'],
    ['--postgres-memory', '0'],
  ])
    refused(args, new RegExp(`^${args[0]} must be a`));
});
