import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explore } from './model/explore.ts';
import { ALL_RULES, type Faults, protocolModel, type Rules } from './model/protocol-model.ts';

const FAULTS: Faults = { most: 2, silentLosses: true };

test('with two faults anywhere, every run ends with all rows of the file or none, and nobody waits for ever', (t) => {
  const { states, ends, failure } = explore(protocolModel(ALL_RULES, FAULTS));
  t.diagnostic(`${states} states, ${ends} ends`);
  assert.deepEqual(failure, undefined);
  assert.ok(ends > 0);
});

const PART = 'some rows of a file are in, others never';
const FAILED = 'a good file has failed';
const WAITS = 'somebody waits for ever';

interface Mistake {
  what: string;
  without: readonly (keyof Rules)[];
  leadsTo: string;
  faults?: Partial<Faults>;
}

/** What the protocol forbids; much of it was done once. */
const MISTAKES: readonly Mistake[] = [
  {
    what: 'connections go back to a pool with what they carry, when the one that holds the lock is lost',
    without: ['closesConnections'],
    leadsTo: PART,
  },
  {
    what: 'an aborted connection goes back to the pool, and the next file meets it',
    without: ['closesConnections'],
    leadsTo: FAILED,
  },
  {
    what: 'the decision stands in the LoaderFile, and goes when that is deleted',
    without: ['keepsDecision'],
    leadsTo: PART,
  },
  {
    what: 'an attempt waits for rows that only those resolve who wait for its lock',
    without: ['resolvesFirst', 'boundsWaits'],
    leadsTo: WAITS,
  },
  {
    what: 'a PREPARE arrives late, after the look at what is prepared',
    without: ['fencesFirst', 'boundsWaits'],
    leadsTo: WAITS,
    faults: { silentLosses: false },
  },
  {
    what: 'backends whose clients are gone are left to themselves',
    without: ['fencesFirst'],
    leadsTo: WAITS,
  },
  {
    what: 'the decision comes before the last PREPARE',
    without: ['preparesBeforeDecision'],
    leadsTo: PART,
  },
  {
    what: 'somebody resolves a file whose owner lives',
    without: ['resolvesUnderLock'],
    leadsTo: PART,
  },
  {
    what: 'partitions are committed on new connections after a crash of Postgres has taken the decision back',
    without: ['commitsInItsSession'],
    leadsTo: PART,
  },
];

describe('the search finds what goes wrong when', () => {
  for (const { what, without, leadsTo, faults } of MISTAKES) {
    test(what, (t) => {
      const rules = { ...ALL_RULES, ...Object.fromEntries(without.map((rule) => [rule, false])) };
      const model = protocolModel(rules, { ...FAULTS, ...faults });
      // One mistake may break more than one promise.
      const broken: typeof model.broken = (state) => model.broken(state).filter((promise) => promise === leadsTo);
      const { failure } = explore({ ...model, broken });
      for (const step of failure?.run ?? []) t.diagnostic(step);
      assert.equal(failure?.what, leadsTo);
    });
  }
});
