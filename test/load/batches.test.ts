import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LoadEffect } from '../../src/load/load-effect.ts';
import type { LoadEvent } from '../../src/load/load-event.ts';
import { initialState, type LoadState } from '../../src/load/load-model.ts';
import type { LoadRequest } from '../../src/load/load-request.ts';
import { next } from '../../src/load/load-state.ts';
import { FileList } from '../../src/store/loader-file/file-list.ts';
import type { QueuedFile } from '../../src/store/loader-file/queue.ts';
import type { BatchOutcome } from '../../src/worker/batch-task.ts';
import type { FileOutcome } from '../../src/worker/file-task.ts';
import { FIGURES, failureOf } from './outcomes.ts';
import { requestOf } from './request-of.ts';

const fileOf = (n: number, size = 1_000): QueuedFile => ({
  id: `f${n}`,
  key: `${String(n).padStart(5, '0')}.ndjson`,
  type: 'Patient',
  size,
  lastModified: '',
  etag: null,
});
const small = (count: number) => Array.from({ length: count }, (_, n) => fileOf(n));
const done: FileOutcome = { kind: 'done', figures: FIGURES };

/** A load whose files are listed and whose tables are ready, driven by hand. */
class Driven {
  state: LoadState;
  effects: LoadEffect[] = [];

  constructor(files: readonly QueuedFile[], change: Parameters<typeof requestOf>[0] = {}) {
    this.state = initialState(requestOf({ threadNum: 1, ...change }));
    this.raise({ kind: 'joined', maxPartitions: 0, freeConnections: 50 });
    this.list(files);
    const { type, generation } = this.take('prepare-table');
    this.raise({ kind: 'table-prepared', type, generation, table: { kind: 'ready' } });
  }

  raise(event: LoadEvent): void {
    const { state, effects } = next(this.state, event, 0);
    this.state = state;
    this.effects.push(...effects);
  }

  list(files: readonly QueuedFile[]): void {
    this.raise({ kind: 'looked', generation: this.take('look').generation, files: FileList.of(files) });
  }

  take<Kind extends LoadEffect['kind']>(kind: Kind): Extract<LoadEffect, { kind: Kind }> {
    const isWanted = (effect: LoadEffect): effect is Extract<LoadEffect, { kind: Kind }> => effect.kind === kind;
    const effect = this.effects.find(isWanted);
    assert.ok(effect !== undefined, `no ${kind} among ${this.effects.map((each) => each.kind).join(', ')}`);
    this.effects.splice(this.effects.indexOf(effect), 1);
    return effect;
  }

  /** Answers a claim with as many files as it asks for; all but those that others have. */
  claim(taken: readonly string[] = []): readonly string[] {
    const { ids, most, again } = this.take('claim');
    const free = ids.filter((id) => !taken.includes(id)).slice(0, most);
    const claimed = free.map((id) => ({ id, file: { file: id, type: 'Patient', size: 1_000 } }));
    this.raise({ kind: 'claimed', claimed, ...(again === undefined ? {} : { again }) });
    return free;
  }

  /** Loads the next file by itself. */
  one(): void {
    this.claim();
    this.raise({ kind: 'file-ended', id: this.take('load-file').claimed.id, outcome: done });
  }

  beginBatch(): string[] {
    this.claim();
    return this.take('load-batch').claimed.map(({ id }) => id);
  }

  end(ids: readonly string[], outcome: BatchOutcome): void {
    this.raise({ kind: 'batch-ended', ids, outcome });
  }

  get inFlight(): string[] {
    return [...this.state.slots.flights.keys()];
  }
}

const batchSizes = (files: readonly QueuedFile[], change: Partial<LoadRequest> = {}) => {
  const load = new Driven(files, change);
  const { ids, most } = load.take('claim');
  return { offered: ids.length, most };
};

describe('batches of small files', () => {
  test('small files are claimed together, as many as leave work for the other slots and the end', () => {
    assert.deepEqual(batchSizes(small(2_000)), { offered: 256, most: 256 });
    assert.deepEqual(batchSizes(small(100)), { offered: 50, most: 50 });
    assert.deepEqual(batchSizes(small(100), { threadNum: 5 }), { offered: 10, most: 10 });
    assert.deepEqual(
      batchSizes(small(100), { threadNum: 10 }),
      { offered: 64, most: 1 },
      'a few are loaded one by one',
    );
  });

  test('large files, and those of unknown size, are claimed one at a time; a batch has 2 MiB at most', () => {
    assert.deepEqual(batchSizes([fileOf(0, 1e6), ...small(99)]), { offered: 64, most: 1 });
    assert.deepEqual(batchSizes(small(100).map((file) => ({ ...file, size: 0 }))), { offered: 64, most: 1 });
    assert.equal(batchSizes(Array.from({ length: 1_000 }, (_, n) => fileOf(n, 60_000))).most, 34);
  });

  test('files that are not plainly inserted are claimed one at a time', () => {
    const { write } = requestOf();
    for (const change of [{ upsert: true }, { resolveReferences: true }]) {
      assert.equal(batchSizes(small(100), { write: { ...write, ...change } }).most, 1, JSON.stringify(change));
    }
    const deletions = small(100).map((file) => ({ ...file, key: `deleted/${file.key}` }));
    assert.equal(batchSizes(deletions, { write: { ...write, applyDeletions: false } }).most, 50);
  });

  test('a batch takes one slot and one connection; those that another replica has are passed over', () => {
    const load = new Driven(small(100), { threadNum: 2 });
    assert.equal(load.claim(['f1', 'f3']).length, 23);
    assert.equal(load.inFlight.length, 23);
    const second = load.take('claim');
    assert.equal(second.ids[0], 'f25', 'the next batch begins behind all that were offered');
    load.raise({ kind: 'claimed', claimed: second.ids.map((id) => ({ id, file: {} })) });
    assert.ok(!load.effects.some(({ kind }) => kind === 'claim'), 'both slots are taken');
  });

  test('a batch that is done frees its slot', () => {
    const load = new Driven(small(100));
    const ids = load.beginBatch();
    load.end(ids, { kind: 'batch', files: ids.map(() => done) });
    assert.deepEqual(load.inFlight, []);
    assert.equal(load.take('claim').ids[0], 'f50');
  });

  test('a batch that failed as a whole: its first file is tried again after a pause, the others by themselves, later', () => {
    const load = new Driven(small(40));
    const ids = load.beginBatch();
    load.end(ids, { kind: 'retry', failure: failureOf('57P01') });
    assert.deepEqual(load.inFlight, ['f0']);
    assert.equal(load.state.fileOutage?.attempts, 1, 'one outage, not one for each file');
    assert.deepEqual(load.take('return-files').ids, ids.slice(1));
    load.raise({ kind: 'file-due', id: 'f0' });
    load.claim();
    load.raise({ kind: 'file-ended', id: load.take('load-file').claimed.id, outcome: done });
    const rest = load.beginBatch();
    assert.deepEqual([rest.length, rest[0]], [10, 'f20'], 'what was not in it is still loaded together');
    load.end(rest, { kind: 'batch', files: rest.map(() => done) });
    while (!load.effects.some(({ kind }) => kind === 'look')) load.one();
    load.list(small(20).slice(1));
    assert.equal(load.take('claim').most, 1);
  });

  test('files of a batch that are to be tried again: one has its pause, the others their attempt counted', () => {
    const load = new Driven(small(16));
    const ids = load.beginBatch();
    assert.equal(ids.length, 8);
    const failure = failureOf('40P01');
    const again: FileOutcome = { kind: 'retry', failure };
    const files: FileOutcome[] = [done, again, again, done, { kind: 'lost' }, done, done, done];
    load.end(ids, { kind: 'batch', files });
    assert.deepEqual(load.inFlight, ['f1']);
    assert.equal(load.state.slots.flights.get('f1')?.failures, 1);
    assert.deepEqual(load.take('return-files').ids, ['f2']);
    assert.deepEqual(
      [...load.state.slots.alone],
      [
        ['f1', 1],
        ['f2', 1],
      ],
    );
  });

  test('a batch whose connection was refused gives its files and its slot back', () => {
    const load = new Driven(small(200), { threadNum: 2 });
    const first = load.beginBatch();
    const second = load.beginBatch();
    load.end(second, { kind: 'retry', failure: failureOf('53300') });
    assert.deepEqual(load.inFlight, first);
    const returned = [...load.take('return-files').ids, ...load.take('return-files').ids];
    assert.deepEqual(returned.toSorted(), second.toSorted());
    assert.equal(load.state.slots.limit.most, 1);
    assert.equal(load.state.slots.alone.size, 0, 'that says nothing of its files');
  });

  test('a batch that is claimed when the load is over is given back', () => {
    const load = new Driven(small(100));
    load.raise({ kind: 'cancelled', call: 1n });
    load.claim();
    assert.equal(load.take('return-files').ids.length, 50);
    assert.ok(!load.effects.some(({ kind }) => kind === 'load-batch'));
  });

  test('what is moved to the queue, since its table has lost its key, has the tables looked at again', () => {
    const load = new Driven(small(16));
    const ids = load.beginBatch();
    load.end(ids, { kind: 'batch', files: ids.map(() => ({ kind: 'primary-key-dropped' })) });
    assert.deepEqual(load.inFlight, []);
    load.take('look');
  });

  test('a table whose indexes are held dropped is looked at once the last batch with files of its type has ended', () => {
    const load = new Driven(small(16), { threadNum: 1 });
    // As if its indexes were dropped by this load.
    load.raise({
      kind: 'table-prepared',
      type: 'Patient',
      generation: load.state.tables.generation,
      table: { kind: 'ready', indexesOff: true },
    });
    load.list(small(16));
    const ids = load.beginBatch();
    load.end(ids, { kind: 'batch', files: ids.map(() => done) });
    assert.ok(!load.effects.some(({ kind }) => kind === 'look'), 'some of its files are still in the queue');
    for (let n = 8; n < 16; n++) load.one();
    load.take('look');
  });
});
