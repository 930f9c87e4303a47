import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions, toInteger } from '../../demo/parse-options.ts';

const options = {
  seed: { type: 'string' },
  keep: { type: 'boolean' },
  compare: { type: 'string', multiple: true },
} as const;
const usage = (message: RegExp) => ({ name: 'UsageError', message });

test('options by name; what is unknown, has no value or is given twice is refused', () => {
  assert.deepEqual(
    { ...parseOptions(options, ['--seed', '2', '--compare', 'a', '--compare=b', '--keep']) },
    { seed: '2', compare: ['a', 'b'], keep: true },
  );
  assert.throws(() => parseOptions(options, ['--sead', '2']), usage(/--sead/));
  assert.throws(() => parseOptions(options, ['--seed']), usage(/--seed/));
  assert.throws(() => parseOptions(options, ['2']), usage(/'2'/));
  assert.throws(() => parseOptions(options, ['--seed', '1', '--seed=2']), usage(/^--seed may be given only once$/));
});

test('a number is whole and large enough, or refused by the name of its option', () => {
  assert.deepEqual(
    [toInteger('--n', undefined, 7, 1), toInteger('--n', '20_000', 7, 1), toInteger('--n', '1,000', 7, 1)],
    [7, 20_000, 1_000],
  );
  for (const text of ['x', '', ' ', '1.5', '0', '-1', 'NaN'])
    assert.throws(() => toInteger('--n', text, 7, 1), usage(/^--n must be a whole number from 1 up, not /));
});
