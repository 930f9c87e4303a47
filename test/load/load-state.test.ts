import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Failure } from '../../src/errors/failure.ts';
import type { LoadEffect } from '../../src/load/load-effect.ts';
import type { LoadEvent } from '../../src/load/load-event.ts';
import { initialState, type LoadState } from '../../src/load/load-model.ts';
import { waitsFor } from '../../src/load/load-rules.ts';
import { next } from '../../src/load/load-state.ts';
import { OUTAGE_LIMIT_MS } from '../../src/load/outage.ts';
import { FileList } from '../../src/store/loader-file/file-list.ts';
import type { QueuedFile } from '../../src/store/loader-file/queue.ts';
import { FIGURES, failureOf } from './outcomes.ts';
import { requestOf } from './request-of.ts';

const BUCKET = 's3://bucket';

/** Too large for a batch. */
const LARGE = 1024 * 1024;

const fileOf = (id: string, change: Partial<QueuedFile> = {}): QueuedFile => ({
  id,
  key: `${id}.ndjson`,
  type: 'Patient',
  size: LARGE,
  lastModified: '',
  etag: null,
  ...change,
});

const OUTAGE = failureOf('57P01');

/** A load that is driven by hand: events go in, effects are collected. */
class Driven {
  state: LoadState;
  /** Effects that have not been looked at. */
  effects: LoadEffect[] = [{ kind: 'join' }];
  now = 0;

  constructor(request = requestOf()) {
    this.state = initialState(request);
  }

  raise(...events: LoadEvent[]): this {
    for (const event of events) {
      const { state, effects } = next(this.state, event, this.now);
      this.state = state;
      this.effects.push(...effects);
    }
    return this;
  }

  /** Takes the effects of a kind, which must be there. */
  take<Kind extends LoadEffect['kind']>(kind: Kind): Extract<LoadEffect, { kind: Kind }> {
    const place = this.effects.findIndex((effect) => effect.kind === kind);
    const [effect] = place < 0 ? [] : this.effects.splice(place, 1);
    assert.ok(effect?.kind === kind, `no effect ${kind} in ${JSON.stringify(this.kinds)}`);
    return effect as Extract<LoadEffect, { kind: Kind }>;
  }

  get kinds(): string[] {
    return this.effects.map(({ kind }) => kind);
  }

  has(kind: LoadEffect['kind']): boolean {
    return this.kinds.includes(kind);
  }

  /** The event of a pause is raised. */
  waitOut(ofKind: LoadEvent['kind']): this {
    const place = this.effects.findIndex((effect) => effect.kind === 'later' && effect.event.kind === ofKind);
    const [effect] = place < 0 ? [] : this.effects.splice(place, 1);
    assert.ok(effect?.kind === 'later', `no pause before ${ofKind} in ${JSON.stringify(this.kinds)}`);
    this.now += effect.ms;
    return this.raise(effect.event);
  }

  join(freeConnections = 50, maxPartitions = 0): this {
    this.take('join');
    return this.raise({ kind: 'joined', maxPartitions, freeConnections });
  }

  /** Answers a look, and prepares the tables that it asks for. */
  list(...files: QueuedFile[]): this {
    const { generation } = this.take('look');
    this.raise({ kind: 'looked', generation, files: FileList.of(files) });
    while (this.has('prepare-table')) this.prepared();
    return this;
  }

  prepared(table: Extract<LoadEvent, { kind: 'table-prepared' }>['table'] = { kind: 'ready' }): this {
    const { type, generation } = this.take('prepare-table');
    return this.raise({ kind: 'table-prepared', type, generation, table });
  }

  /** Answers a claim with its first file, or with none. */
  claim(taken = true): string {
    const { ids, again } = this.take('claim');
    const [id = ''] = ids;
    const claimed = taken ? [{ id, file: { file: `${id}.ndjson`, type: 'Patient', size: LARGE } }] : [];
    this.raise({ kind: 'claimed', claimed, ...(again === undefined ? {} : { again }) });
    return id;
  }

  /** Claims a file and takes the effect that loads it. */
  begin(): string {
    this.claim();
    return this.take('load-file').claimed.id;
  }

  done(id: string): this {
    return this.raise({ kind: 'file-ended', id, outcome: { kind: 'done', figures: FIGURES } });
  }

  retry(id: string, failure: Failure): this {
    return this.raise({ kind: 'file-ended', id, outcome: { kind: 'retry', failure } });
  }

  fail(
    kind: 'look' | 'claim' | 'join' | 'rejoin' | 'finish' | 'prepare-table' | 'restore-table' | 'fail-file',
    failure: Failure,
  ): this {
    return this.raise({ kind: 'effect-failed', effect: this.take(kind), failure, error: new Error(failure.message) });
  }

  get at(): string {
    return `${this.state.phase}${this.state.reason === undefined ? '' : ` (${this.state.reason})`}`;
  }
}

const loading = (...files: QueuedFile[]) => new Driven().join().list(...files);

describe('phases', () => {
  test('joining → loading → finishing → ended (finished)', () => {
    const load = new Driven();
    assert.equal(load.at, 'joining');
    load.join();
    assert.equal(load.at, 'loading');
    load.list(fileOf('a'));
    load.done(load.begin());
    load.list();
    assert.equal(load.at, 'finishing (finished)');
    assert.deepEqual(load.take('finish'), { kind: 'finish', first: true, refused: [] });
    load.raise({ kind: 'finish-ended', isFinished: true, types: ['Patient'] });
    assert.equal(load.at, 'ended (finished)');
    assert.ok(load.has('end'));
    assert.deepEqual([load.state.sawFiles, load.state.finishedTypes], [true, ['Patient']]);
  });

  test('loading → draining (cancelled): files in flight roll back, others are given back; indexes are restored', () => {
    const load = loading(fileOf('a'), fileOf('b'), fileOf('c'));
    const first = load.begin();
    const second = load.begin();
    load.retry(second, failureOf('40P01'));
    load.raise({ kind: 'cancelled', call: 1n });
    assert.equal(load.at, 'draining (cancelled)');
    assert.ok(load.has('abort'));
    assert.deepEqual(load.take('return-files'), { kind: 'return-files', ids: [second] });
    load.waitOut('file-due');
    assert.ok(!load.has('claim'));
    load.raise({ kind: 'file-ended', id: first, outcome: { kind: 'stopped' } });
    assert.equal(load.at, 'finishing (cancelled)');
    load.take('finish');
    load.raise({ kind: 'finish-ended', isFinished: true, types: [] });
    assert.equal(load.at, 'ended (cancelled)');
  });

  test('a cancel of earlier calls leaves a later one alone', () => {
    const load = loading(fileOf('a')).raise({ kind: 'called', request: requestOf({ call: 2n }) });
    assert.equal(load.raise({ kind: 'cancelled', call: 1n }).at, 'loading');
    assert.equal(load.raise({ kind: 'cancelled', call: 2n }).at, 'draining (cancelled)');
  });

  test('loading → draining (shutdown) → ended: files have the grace period, indexes stay', () => {
    const load = loading(fileOf('a'), fileOf('b'));
    const first = load.begin();
    const second = load.begin();
    load.raise({ kind: 'shutdown', graceMs: 2_000 });
    assert.equal(load.at, 'draining (shutdown)');
    assert.ok(!load.has('abort'));
    load.done(first);
    load.waitOut('grace-over');
    load.take('abort');
    load.take('abort-finish');
    load.raise({ kind: 'file-ended', id: second, outcome: { kind: 'stopped' } });
    assert.equal(load.at, 'ended (shutdown)');
    assert.ok(!load.has('finish'));
  });

  test('joining → draining → ended: a load that is stopped, or cancelled, while it waits to join ends at once', () => {
    for (const event of [
      { kind: 'shutdown', graceMs: 60_000 },
      { kind: 'cancelled', call: 1n },
    ] as const) {
      const load = new Driven().raise(event);
      assert.equal(load.state.phase, 'draining');
      load.take('abort');
      load.fail('join', failureOf('08006'));
      assert.equal(load.state.phase, 'ended');
      assert.ok(!load.has('finish'));
    }
  });

  test('finishing → ended (shutdown): an index that is made may be done within the grace period', () => {
    const load = loading();
    load.take('finish');
    load.raise({ kind: 'shutdown', graceMs: 100 });
    assert.equal(load.at, 'finishing (shutdown)');
    load.waitOut('grace-over');
    load.take('abort-finish');
    load.raise({ kind: 'finish-ended', isFinished: true, types: [] });
    assert.equal(load.at, 'ended (shutdown)');
  });

  test('one who is not the last out waits for the finisher, and takes over when told or by the poll', () => {
    const load = loading();
    load.take('finish');
    load.raise({ kind: 'finish-ended', isFinished: false, types: [] });
    assert.ok(!load.has('finish'));
    load.raise({ kind: 'noticed', notice: { topic: 'finished', name: 's3://other' } });
    assert.ok(!load.has('finish'));
    load.raise({ kind: 'noticed', notice: { topic: 'finished', name: BUCKET } });
    assert.deepEqual(load.take('finish'), { kind: 'finish', first: false, refused: [] });
    load.raise({ kind: 'finish-ended', isFinished: false, types: [] }, { kind: 'tick' });
    load.take('finish');
    load.raise({ kind: 'finish-ended', isFinished: false, types: [] }, { kind: 'shutdown', graceMs: 60_000 });
    assert.equal(load.state.phase, 'ended');
  });

  test('a failure that does not pass → draining (failed) → ended: files in flight end by themselves', () => {
    const load = loading(fileOf('a'), fileOf('b'));
    const id = load.begin();
    load.fail('claim', failureOf('42P01', false));
    assert.equal(load.at, 'draining (failed)');
    assert.deepEqual(load.take('tell-given-up'), { kind: 'tell-given-up', message: '42P01' });
    assert.ok(!load.has('abort'));
    load.done(id);
    assert.equal(load.at, 'ended (failed)');
    assert.ok(!load.has('finish'));
  });

  test('a failure that does not pass while indexes are restored → ended (failed), with the reason', () => {
    const load = loading();
    load.fail('finish', failureOf('42501', false));
    assert.deepEqual(load.take('tell-given-up'), { kind: 'tell-given-up', message: '42501' });
    assert.equal(load.at, 'ended (failed)');
  });

  test('a cancel has what a failed load still loads roll back; indexes that are being restored it lets be', () => {
    const load = loading(fileOf('a'), fileOf('b'));
    load.begin();
    load.fail('claim', failureOf('42P01', false));
    load.raise({ kind: 'cancelled', call: 1n });
    load.take('abort');
    assert.equal(load.at, 'draining (failed)');
    const finishing = loading().raise({ kind: 'cancelled', call: 1n });
    assert.deepEqual([finishing.at, finishing.has('abort')], ['finishing (finished)', false]);
  });

  test('whether another replica was told to cancel is looked up when it says so, and by the poll', () => {
    const load = loading(fileOf('a'));
    load.raise({ kind: 'noticed', notice: { topic: 'cancelled', name: 's3://other' } });
    assert.ok(!load.has('check-cancel'));
    load.raise({ kind: 'noticed', notice: { topic: 'cancelled', name: BUCKET } });
    assert.equal(load.take('check-cancel').call, 1n);
    load.raise({ kind: 'tick' });
    assert.equal(load.take('check-cancel').call, 1n);
  });

  test('nothing happens after the end', () => {
    const load = loading();
    load.take('finish');
    load.raise({ kind: 'finish-ended', isFinished: true, types: [] });
    load.effects = [];
    load.raise({ kind: 'tick' }, { kind: 'cancelled', call: 9n }, { kind: 'shutdown', graceMs: 0 });
    load.raise({ kind: 'session-lost' }, { kind: 'called', request: requestOf() });
    assert.deepEqual([load.state.phase, load.effects], ['ended', []]);
  });
});

describe('files', () => {
  test('as many as the call wants are in flight, claimed one at a time and in order', () => {
    const load = loading(fileOf('small'), fileOf('large', { size: 9 * LARGE }), fileOf('middle', { size: 3 * LARGE }));
    assert.equal(load.kinds.filter((kind) => kind === 'claim').length, 1);
    assert.equal(load.begin(), 'large');
    assert.equal(load.begin(), 'middle');
    assert.ok(!load.has('claim'));
    load.done('large');
    assert.equal(load.begin(), 'small');
  });

  test('a list that a file has ended since is not believed: another look at once', () => {
    const load = loading(fileOf('a'));
    const id = load.begin();
    load.raise({ kind: 'called', request: requestOf({ call: 2n }) });
    const { generation } = load.take('look');
    load.done(id);
    load.raise({ kind: 'looked', generation, files: FileList.of([fileOf('a')]) });
    load.claim(false);
    load.list();
    assert.equal(load.state.phase, 'finishing');
  });

  test('a look that something was queued during is not the last, though it found nothing', () => {
    const load = new Driven().join();
    const { generation } = load.take('look');
    load.raise({ kind: 'noticed', notice: { topic: 'queued', name: BUCKET } });
    load.raise({ kind: 'looked', generation, files: FileList.of([]) });
    assert.equal(load.state.phase, 'loading');
    load.list();
    assert.equal(load.state.phase, 'finishing');
  });

  test('a look that a call has overtaken is not believed: it may have had fewer prefixes', () => {
    const load = new Driven(requestOf({ prefixes: ['a/'] })).join();
    const { generation } = load.take('look');
    load.raise({ kind: 'called', request: requestOf({ call: 2n, prefixes: ['b/'] }) });
    load.raise({ kind: 'looked', generation, files: FileList.of([fileOf('a')]) });
    assert.ok(!load.has('prepare-table'));
    assert.deepEqual(load.take('look').prefixes, ['a/', 'b/']);
  });

  test('files in others’ hands are looked after when told, or by the poll', () => {
    const load = loading(fileOf('theirs'));
    load.claim(false);
    assert.ok(!load.has('look'));
    load.raise({ kind: 'tick' }).list(fileOf('theirs')).claim(false);
    load.raise({ kind: 'noticed', notice: { topic: 'left', name: BUCKET } });
    load.list();
    assert.equal(load.state.phase, 'finishing');
  });

  test('a file that is queued while all slots are busy is looked for as soon as one is free', () => {
    const load = loading(fileOf('a'), fileOf('b'));
    const id = load.begin();
    load.begin();
    load.raise({ kind: 'noticed', notice: { topic: 'queued', name: BUCKET } });
    assert.ok(!load.has('look'));
    load.done(id);
    assert.ok(load.has('look'));
  });

  test('after a later call nothing is begun in the old order or with the old settings', () => {
    const load = loading(fileOf('a'), fileOf('b'), fileOf('c'));
    load.begin();
    load.raise({ kind: 'called', request: requestOf({ call: 2n, threadNum: 3, prefixes: ['x/'] }) });
    // The claim was on its way.
    load.claim();
    assert.equal(load.take('load-file').request.call, 2n);
    assert.ok(!load.has('claim'));
    const { generation, prefixes } = load.take('look');
    assert.deepEqual(prefixes, []);
    load.raise({ kind: 'looked', generation, files: FileList.of(['a', 'b', 'c', 'new'].map((id) => fileOf(id))) });
    load.claim();
    assert.equal(load.take('load-file').request.threadNum, 3);
    assert.equal(load.state.slots.flights.size, 3);
  });

  test('calls with prefixes are merged to what all of them cover', () => {
    const load = new Driven(requestOf({ prefixes: ['a/', 'b/'] })).join();
    load.raise({ kind: 'called', request: requestOf({ prefixes: ['b/c/', 'd/'] }) });
    assert.deepEqual(load.state.prefixes, ['a/', 'b/', 'd/']);
    load.raise({ kind: 'called', request: requestOf() });
    assert.deepEqual(load.state.prefixes, []);
  });

  test('the failure of a file that may pass is tried five times, then it is an error', () => {
    const load = loading(fileOf('a'));
    let id = load.begin();
    for (let attempt = 1; attempt < 5; attempt++) {
      load.retry(id, { source: 'aws', code: 'SlowDown', message: 'SlowDown', transient: true });
      load.waitOut('file-due');
      id = load.begin();
    }
    load.retry(id, { source: 'aws', code: 'SlowDown', message: 'SlowDown', transient: true });
    assert.equal(load.take('fail-file').failure.code, 'SlowDown');
    load.raise({ kind: 'file-failed', id });
    load.list();
    assert.equal(load.state.phase, 'finishing');
  });

  test('one that cannot even be marked as failed is given back', () => {
    const load = loading(fileOf('a'));
    let id = load.begin();
    for (let attempt = 1; attempt < 5; attempt++) id = load.retry(id, failureOf('40P01')).waitOut('file-due').begin();
    load.retry(id, failureOf('40P01')).fail('fail-file', failureOf('42501', false));
    assert.deepEqual(load.take('return-files'), { kind: 'return-files', ids: ['a'] });
    assert.equal(load.at, 'ended (failed)');
  });

  test('one that somebody else has by then is let go', () => {
    const load = loading(fileOf('a'));
    load.retry(load.begin(), failureOf('40P01'));
    load.waitOut('file-due');
    load.claim(false);
    assert.equal(load.state.slots.flights.size, 0);
    assert.ok(load.has('look'));
  });

  test('large files are split so that all slots are busy until the end', () => {
    const large = (id: string) => fileOf(id, { size: 64 << 20 });
    const load = new Driven(requestOf({ threadNum: 4 })).join(50, 32);
    load.list(large('a'), large('b'));
    const { ids } = load.take('claim');
    const file = { file: 'a', type: 'Patient', size: 64 << 20 };
    load.raise({ kind: 'claimed', claimed: [{ id: ids[0] ?? '', file }] });
    assert.equal(load.take('load-file').partitions, 2);
  });
});

describe('files that are not plainly inserted', () => {
  const { write } = requestOf();
  const deletions = fileOf('deletions', { key: 'deleted/Bundle-1.ndjson', type: 'Bundle', size: 64 << 20 });
  const deleting = requestOf({ write: { ...write, upsert: true, applyDeletions: true }, threadNum: 4 });

  /** The backends that the only file of a load with these options is split across, where there is room for many. */
  const backendsOf = (file: QueuedFile, change: Partial<typeof write>, { maxErrors = 0, maxPartitions = 32 } = {}) => {
    const request = requestOf({ write: { ...write, ...change }, threadNum: 4, maxErrors });
    const load = new Driven(request).join(50, maxPartitions).list(file);
    const { ids } = load.take('claim');
    const { key, type, size } = file;
    load.raise({ kind: 'claimed', claimed: [{ id: ids[0] ?? '', file: { file: key, type, size } }] });
    return load.take('load-file').partitions;
  };

  test('those of deletions are begun when no other is left, on any replica, and the load is not over before', () => {
    const load = new Driven(deleting).join().list(fileOf('patient'), deletions);
    assert.equal(load.begin(), 'patient');
    assert.ok(!load.has('claim'));
    load.done('patient').list(fileOf('theirs'), deletions);
    load.claim(false);
    assert.ok(!load.has('claim'));
    load.raise({ kind: 'tick' }).list(deletions);
    assert.equal(load.state.phase, 'loading');
    assert.equal(load.begin(), deletions.id);
  });

  test('are split across backends in no mode: the statements after their COPY see all of their rows', () => {
    const large = fileOf('large', { size: 64 << 20 });
    assert.equal(backendsOf(large, {}), 4);
    assert.equal(backendsOf(large, { upsert: true }), 1);
    assert.equal(backendsOf(large, { history: true, applyDeletions: true }), 1);
    assert.equal(backendsOf(deletions, { applyDeletions: true }), 1);
    assert.equal(backendsOf(large, {}, { maxErrors: 1 }), 1);
  });

  test('nor across more than can be prepared, besides the one that holds the file', () => {
    const large = fileOf('large', { size: 64 << 20 });
    assert.equal(backendsOf(large, {}, { maxPartitions: 0 }), 1);
    assert.equal(backendsOf(large, {}, { maxPartitions: 2 }), 3);
  });
});

describe('tables', () => {
  const types = (...names: string[]) => names.map((type) => fileOf(type, { type }));

  test('four are prepared at a time', () => {
    const load = new Driven().join();
    const { generation } = load.take('look');
    load.raise({ kind: 'looked', generation, files: FileList.of(types('A', 'B', 'C', 'D', 'E')) });
    assert.equal(load.kinds.filter((kind) => kind === 'prepare-table').length, 4);
    load.prepared();
    assert.equal(load.kinds.filter((kind) => kind === 'prepare-table').length, 4);
  });

  test('files begin in order once all are ready; one that takes long is waited for a second only', () => {
    const load = new Driven().join();
    const { generation } = load.take('look');
    load.raise({ kind: 'looked', generation, files: FileList.of(types('A', 'B')) });
    load.prepared();
    assert.ok(!load.has('claim'));
    load.waitOut('tables-late');
    assert.deepEqual(load.take('claim').ids, ['A']);
    assert.match(load.take('tell').text ?? '', /the table of B is prepared/);
    load.raise({ kind: 'claimed', claimed: [] });
    load.prepared();
    load.list(...types('A', 'B'));
    assert.deepEqual(load.take('claim').ids, ['A', 'B']);
    assert.equal(load.take('tell').text, undefined);
  });

  test('the files of a table that cannot be made fail; the others are loaded', () => {
    const load = new Driven().join();
    const { generation } = load.take('look');
    load.raise({ kind: 'looked', generation, files: FileList.of(types('A', 'B')) });
    load.prepared({ kind: 'unusable', failure: failureOf('42501', false) });
    load.prepared();
    assert.deepEqual(load.take('fail-files').ids, ['A']);
    assert.deepEqual(load.take('claim').ids, ['B']);
    load.raise({ kind: 'files-failed' });
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of(types('A', 'B')) });
    assert.equal(load.take('prepare-table').type, 'A', 'it may have been mended');
  });

  test('a table that another load restores is tried again when told, or by the poll', () => {
    const load = new Driven().join();
    const { generation } = load.take('look');
    load.raise({ kind: 'looked', generation, files: FileList.of(types('A')) });
    load.prepared({ kind: 'later', until: 'another load has restored a_pkey' });
    assert.equal(load.take('tell').text, 'Waits until another load has restored a_pkey.');
    assert.ok(!load.has('look'));
    load.raise({ kind: 'noticed', notice: { topic: 'indexes', name: 'other' } });
    assert.ok(!load.has('look'));
    load.raise({ kind: 'noticed', notice: { topic: 'indexes', name: 'a' } });
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of(types('A')) });
    load.prepared({ kind: 'later', until: 'another load has restored a_pkey' });
    load.raise({ kind: 'tick' });
    load.list(...types('A'));
    assert.ok(load.has('claim'));
    assert.equal(load.take('tell').text, undefined);
  });

  test('what files wait for is told again after a call, which clears the message', () => {
    const load = new Driven().join();
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of(types('A')) });
    load.prepared({ kind: 'later', until: 'another load has restored a_pkey' });
    load.take('tell');
    load.raise({ kind: 'called', request: requestOf({ call: 2n }) });
    assert.equal(load.take('tell').text, 'Waits until another load has restored a_pkey.');
  });

  test('the files of a table whose key cannot be restored keep nobody waiting, and a later call tries again', () => {
    const load = new Driven().join();
    const { generation } = load.take('look');
    load.raise({ kind: 'looked', generation, files: FileList.of(types('A', 'B')) });
    load.prepared({ kind: 'primary-key-missing' });
    load.prepared();
    load.begin();
    load.raise({ kind: 'called', request: requestOf({ call: 2n }) }).done('B');
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of(types('A')) });
    load.prepared({ kind: 'primary-key-missing' });
    assert.equal(load.at, 'finishing (finished)');
  });

  test('a key that was dropped all the same has every table prepared anew', () => {
    const load = loading(fileOf('a'));
    load.raise({ kind: 'file-ended', id: load.begin(), outcome: { kind: 'primary-key-dropped' } });
    const { generation } = load.take('look');
    load.raise({ kind: 'looked', generation, files: FileList.of([fileOf('a')]) });
    assert.ok(load.has('prepare-table'));
  });
});

describe('the session', () => {
  test('lost: files in flight go on, none is begun; tables are prepared anew once it is back', () => {
    const load = loading(fileOf('a'), fileOf('b'), fileOf('c'));
    load.begin();
    load.raise({ kind: 'session-lost' });
    load.claim(false);
    assert.ok(!load.has('claim') && !load.has('look'));
    load.fail('rejoin', failureOf('57P03'));
    load.waitOut('effect-due');
    load.take('rejoin');
    load.raise({ kind: 'session-rejoined' });
    const { generation } = load.take('look');
    load.raise({ kind: 'looked', generation, files: FileList.of([fileOf('b')]) });
    load.prepared();
    assert.equal(load.begin(), 'b');
  });

  test('lost while indexes are restored: left and finished again', () => {
    const load = loading();
    load.raise({ kind: 'session-lost' });
    load.fail('finish', failureOf('08006'));
    load.waitOut('effect-due');
    assert.ok(!load.has('finish'));
    load.take('rejoin');
    load.raise({ kind: 'session-rejoined' });
    assert.deepEqual(load.take('finish'), { kind: 'finish', first: true, refused: [] });
  });

  test('lost while the finisher is waited for: it has held nothing since, and leaves anew', () => {
    const load = loading();
    load.take('finish');
    load.raise({ kind: 'finish-ended', isFinished: false, types: [] }, { kind: 'session-lost' });
    assert.ok(!load.has('finish'));
    load.take('rejoin');
    load.raise({ kind: 'session-rejoined' });
    assert.deepEqual(load.take('finish'), { kind: 'finish', first: true, refused: [] });
  });

  test('lost: no further table is prepared before it is back', () => {
    const load = new Driven().join();
    const files = ['A', 'B', 'C', 'D', 'E'].map((type) => fileOf(type, { type }));
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of(files) });
    load.raise({ kind: 'session-lost' });
    load.prepared();
    assert.equal(load.kinds.filter((kind) => kind === 'prepare-table').length, 3);
  });

  test('what was found out about tables under the lost one’s locks is not believed', () => {
    const load = new Driven().join();
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of([fileOf('a')]) });
    load.raise({ kind: 'session-lost' });
    load.prepared();
    load.take('rejoin');
    load.raise({ kind: 'session-rejoined' });
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of([fileOf('a')]) });
    assert.ok(load.has('prepare-table') && !load.has('claim'));
  });
});

describe('outages', () => {
  test('a statement is tried again, for ten minutes at most', () => {
    const load = new Driven().join();
    for (let attempts = 0; load.state.phase === 'loading' && attempts < 1_000; attempts++) {
      load.fail('look', OUTAGE);
      if (load.state.phase === 'loading') load.waitOut('effect-due');
    }
    assert.ok(load.now > OUTAGE_LIMIT_MS && load.now < OUTAGE_LIMIT_MS + 60_000, `${load.now}`);
    assert.equal(load.at, 'ended (failed)');
    assert.equal(load.take('tell-given-up').message, '57P01');
  });

  test('a file is tried again for ten minutes at most, though claims succeed, and is then given back', () => {
    const load = loading(fileOf('a'));
    for (let id = load.begin(); ; id = load.begin()) {
      load.retry(id, failureOf('53100'));
      if (load.state.phase !== 'loading') break;
      load.waitOut('file-due');
    }
    assert.ok(load.now > OUTAGE_LIMIT_MS && load.now < OUTAGE_LIMIT_MS + 60_000, `${load.now}`);
    assert.deepEqual(load.take('return-files'), { kind: 'return-files', ids: ['a'] });
    assert.equal(load.take('tell-given-up').message, '53100');
    assert.equal(load.at, 'ended (failed)');
  });

  test('a file that ends the sessions fails after a few times, however many others are loaded meanwhile', () => {
    const others = Array.from({ length: 40 }, (_, n) => fileOf(`other-${String(n).padStart(2, '0')}`));
    const load = new Driven(requestOf({ threadNum: 2 }))
      .join()
      .list(fileOf('poison', { size: 100 * LARGE }), ...others);
    let attempts = 0;
    while (!load.has('fail-file') && attempts < 30) {
      const begun: string[] = [];
      while (load.has('claim')) begun.push(load.begin());
      for (const id of begun) if (id !== 'poison') load.done(id);
      if (!begun.includes('poison')) continue;
      attempts++;
      load.retry('poison', OUTAGE);
      if (!load.has('fail-file')) load.waitOut('file-due');
    }
    assert.deepEqual(load.take('fail-file').id, 'poison');
    assert.equal(attempts, 6);
    assert.equal(load.state.phase, 'loading');
  });

  test('the status says what is waited for from the second attempt on, and takes it back', () => {
    const load = loading(fileOf('a'));
    load.retry(load.begin(), failureOf('53100'));
    assert.equal(waitsFor(load.state), '');
    load.waitOut('file-due').retry(load.begin(), failureOf('53100'));
    assert.match(load.take('tell').text ?? '', /retrying for up to 10 minutes: 53100$/);
    load.waitOut('file-due').done(load.begin());
    assert.equal(load.take('tell').text, undefined);
  });

  test('a status that could not be written is written at the next poll', () => {
    const load = loading(fileOf('a'));
    load.retry(load.begin(), OUTAGE).waitOut('file-due').retry(load.begin(), OUTAGE);
    load.take('tell');
    load.raise({ kind: 'tell-failed' });
    assert.ok(!load.has('tell'));
    load.raise({ kind: 'tick' });
    assert.match(load.take('tell').text ?? '', /57P01/);
  });
});

describe('connections', () => {
  const REFUSED = failureOf('53300');
  const many = (count: number) => Array.from({ length: count }, (_, n) => fileOf(`f${n}`, { size: LARGE + count - n }));
  const inFlight = (load: Driven) => {
    while (load.has('claim')) load.begin();
    return load.state.slots.flights.size;
  };

  test('as many files are in flight as the server has room for', () => {
    const load = new Driven(requestOf({ threadNum: 128 })).join(62).list(...many(200));
    assert.equal(inFlight(load), 60);
    const few = new Driven(requestOf({ threadNum: 128 })).join(0).list(...many(3));
    assert.equal(inFlight(few), 1);
  });

  test('a refused file is given back, and its slot is gone', () => {
    const load = new Driven(requestOf({ threadNum: 3 })).join().list(...many(9));
    assert.equal(inFlight(load), 3);
    load.retry('f2', REFUSED);
    load.take('give-way');
    assert.deepEqual(load.take('return-files').ids, ['f2']);
    assert.ok(!load.has('claim'));
    load.done('f0');
    assert.equal(load.begin(), 'f3');
    assert.equal(inFlight(load), 2);
  });

  test('the last one that is refused waits as in an outage', () => {
    const load = new Driven(requestOf({ threadNum: 2 })).join().list(...many(2));
    inFlight(load);
    load.retry('f0', REFUSED);
    load.take('give-way');
    load.retry('f1', REFUSED);
    load.take('give-way');
    load.waitOut('file-due');
    assert.equal(load.begin(), 'f1');
    load.done('f1').list(fileOf('f0'));
    assert.equal(load.begin(), 'f0');
  });

  test('slots come back one by one while no connection is refused', () => {
    const load = new Driven(requestOf({ threadNum: 4 })).join().list(...many(20));
    inFlight(load);
    load.retry('f3', REFUSED).retry('f2', REFUSED);
    assert.equal(inFlight(load), 2);
    for (const expected of [2, 3, 4]) {
      load.raise({ kind: 'tick' });
      load.take('count-connections');
      load.raise({ kind: 'connections-counted', free: 50 });
      assert.equal(inFlight(load), expected);
    }
    load.raise({ kind: 'tick' });
    assert.ok(!load.has('count-connections'));
  });

  test('a refused statement takes a slot away, so that the load itself gets on', () => {
    const load = new Driven(requestOf({ threadNum: 4 })).join().list(...many(20));
    load.begin();
    load.begin();
    load.fail('claim', REFUSED);
    load.take('give-way');
    load.waitOut('effect-due');
    assert.ok(!load.has('claim'));
    load
      .done('f0')
      .done('f1')
      .list(...many(2));
    load.begin();
    assert.ok(!load.has('claim'));
  });
});

describe('where references are resolved', () => {
  const { write } = requestOf();
  const resolving = (threadNum = 4) => requestOf({ threadNum, write: { ...write, resolveReferences: true } });
  const practitioner = fileOf('practitioner', { type: 'Practitioner' });
  const organization = fileOf('organization', { type: 'Organization' });
  const encounter = fileOf('encounter', { type: 'Encounter', size: 1e9 });
  const claim = fileOf('claim', { type: 'Claim', lastModified: '2000' });

  const bySize = (load: Driven, ...rest: (readonly QueuedFile[])[]) => {
    for (const files of rest) {
      const [first] = files;
      assert.equal(load.begin(), first?.id);
      assert.ok(!load.has('claim'), `${first?.id} alone`);
      load.done(first?.id ?? '').list(...files.slice(1));
    }
  };

  test('files wait until those of patients, practitioners and so on are finished, whatever their order was', () => {
    for (const scheduler of ['optimal', 'by-last-modified'] as const) {
      const load = new Driven({ ...resolving(), scheduler }).join().list(claim, encounter, practitioner, organization);
      bySize(load, [organization, claim, encounter, practitioner], [practitioner, claim, encounter]);
      // The others do not wait for each other.
      assert.deepEqual([load.begin(), load.begin()].toSorted(), [claim.id, encounter.id]);
    }
  });

  test('once a file was begun too early, all wait for those that they refer to', () => {
    const provenance = fileOf('provenance', { type: 'Provenance' });
    const load = new Driven(resolving(2)).join().list(provenance, claim, encounter);
    assert.deepEqual([load.begin(), load.begin()], [encounter.id, claim.id]);
    load.raise({ kind: 'file-ended', id: claim.id, outcome: { kind: 'too-early' } });
    assert.ok(!load.has('claim'), 'not by the former order');
    load.list(provenance, claim, encounter);
    assert.ok(!load.has('claim'));
    load.done(encounter.id).list(provenance, claim);
    bySize(load, [claim, provenance], [provenance]);
  });

  test('those of other replicas too; they are woken when it is their turn', () => {
    const load = new Driven(resolving()).join().list(practitioner, encounter);
    load.effects = load.effects.filter(({ kind }) => kind !== 'notify-queued');
    load.claim(false);
    assert.ok(!load.has('claim') && !load.has('load-file'), 'another replica has it');
    load.raise({ kind: 'noticed', notice: { topic: 'queued', name: BUCKET } }).list(encounter);
    load.take('notify-queued');
    assert.equal(load.begin(), encounter.id);
  });

  test('a later call that adds what is referred to comes first again', () => {
    const load = new Driven(resolving(1)).join().list(encounter, claim);
    assert.equal(load.begin(), encounter.id);
    load.raise({ kind: 'called', request: { ...resolving(1), call: 2n } }).list(encounter, claim, organization);
    load.done(encounter.id);
    assert.equal(load.begin(), organization.id);
  });

  test('a table that cannot be made, or whose key is gone, holds up nobody', () => {
    for (const table of [
      { kind: 'unusable', failure: failureOf('42501', false) },
      { kind: 'primary-key-missing' },
    ] as const) {
      const load = new Driven(resolving()).join();
      const { generation } = load.take('look');
      load.raise({ kind: 'looked', generation, files: FileList.of([organization, encounter]) });
      load.prepared(table).prepared();
      assert.equal(load.begin(), encounter.id);
    }
  });

  test('a table that others hold up is waited for', () => {
    const load = new Driven(resolving()).join();
    const { generation } = load.take('look');
    load.raise({ kind: 'looked', generation, files: FileList.of([organization, encounter]) });
    load.prepared({ kind: 'later', until: 'the key is back' }).prepared();
    assert.ok(!load.has('claim'));
  });

  test('a file is told how many files were done when its stage began', () => {
    const load = new Driven(resolving()).join();
    const { generation, resolveReferences } = load.take('look');
    assert.ok(resolveReferences);
    load
      .raise({ kind: 'looked', generation, files: FileList.of([encounter]), doneFiles: { Practitioner: 3 } })
      .prepared();
    load.claim();
    const { doneFiles, unfinishedTypes } = load.take('load-file').resolving;
    assert.deepEqual(
      { doneFiles, unfinishedTypes },
      { doneFiles: { Practitioner: 3 }, unfinishedTypes: ['Encounter'] },
    );
  });
});

describe('indexes that are held dropped', () => {
  const dropping = requestOf({ write: { ...requestOf().write, disableIndexes: true }, threadNum: 2 });

  /** Lists a file of each type and prepares their tables, without their indexes. */
  const held = (...files: QueuedFile[]) => {
    const load = new Driven(dropping).join();
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of(files) });
    while (load.has('prepare-table')) load.prepared({ kind: 'ready', indexesOff: true });
    return load;
  };

  const look = (load: Driven, ...files: QueuedFile[]) =>
    load.raise({ kind: 'looked', generation: load.take('look').generation, files: FileList.of(files) });

  const patient = fileOf('patient', { size: 3 * LARGE });
  const goals = ['goal-1', 'goal-2'].map((id) => fileOf(id, { type: 'Goal' }));

  test('are restored as soon as a look shows that no file of their type is left, while others are loaded', () => {
    const load = held(patient, ...goals);
    load.done(load.begin());
    assert.equal(load.begin(), 'goal-1');
    look(load, ...goals);
    assert.deepEqual(load.take('restore-table'), { kind: 'restore-table', type: 'Patient' });
    load.raise({ kind: 'restore-ended', type: 'Patient', refused: [] });
    assert.ok(!load.has('look'), 'nothing waits for them');
    load.done(load.begin());
    assert.ok(!load.has('look') && !load.has('restore-table'), 'one of Goal is in flight');
  });

  test('stay dropped while another replica loads a file of their type, until that one tells', () => {
    const load = held(patient, ...goals);
    load.done(load.begin());
    assert.equal(load.begin(), 'goal-1');
    look(load, { ...patient, id: 'elsewhere' }, ...goals);
    assert.ok(!load.has('restore-table'));
    while (load.has('claim')) load.claim(false);
    load.raise({ kind: 'noticed', notice: { topic: 'indexes', name: 'goal' } });
    assert.ok(!load.has('look'), 'one of Goal is in flight');
    load.raise({ kind: 'noticed', notice: { topic: 'indexes', name: 'patient' } });
    look(load, ...goals);
    load.take('restore-table');
  });

  test('a file in flight whose LoaderFile was deleted counts as well', () => {
    const load = held(patient, ...goals);
    const id = load.begin();
    load.raise({ kind: 'called', request: { ...dropping, call: 2n } });
    look(load, ...goals);
    assert.ok(!load.has('restore-table'));
    load.done(id);
    look(load, ...goals);
    load.take('restore-table');
  });

  test('files that come meanwhile wait, and their table keeps its indexes then', () => {
    const load = held(patient, ...goals);
    load.done(load.begin());
    look(load, ...goals);
    load.take('restore-table');
    load.raise({ kind: 'called', request: { ...dropping, call: 2n } });
    look(load, fileOf('late'), ...goals);
    assert.ok(!load.has('prepare-table'));
    assert.equal(waitsFor(load.state), 'Waits until the indexes of Patient are restored.');
    load.raise({ kind: 'restore-ended', type: 'Patient', refused: [] });
    look(load, fileOf('late'), ...goals);
    assert.equal(load.take('prepare-table').keepsIndexes, true);
  });

  test('the load ends when they are restored, and does not try again what rows contradict', () => {
    const load = held(patient);
    load.done(load.begin());
    look(load);
    assert.equal(load.at, 'draining (finished)');
    load.raise({ kind: 'restore-ended', type: 'Patient', refused: ['key'] });
    assert.deepEqual(load.take('finish'), { kind: 'finish', first: true, refused: ['key'] });
  });

  test('what fails is tried again while files are loaded, however long, and then left to the end', () => {
    const load = held(patient, ...goals);
    load.done(load.begin());
    look(load, ...goals);
    load.fail('restore-table', failureOf('40P01'));
    load.waitOut('effect-due');
    load.now += 2 * OUTAGE_LIMIT_MS;
    load.fail('restore-table', failureOf('53300'));
    assert.equal(load.state.phase, 'loading');
    load.raise({ kind: 'cancelled', call: 2n });
    load.claim(false);
    assert.equal(load.at, 'draining (cancelled)');
    load.waitOut('effect-due');
    assert.equal(load.at, 'finishing (cancelled)');
  });

  test('what rows contradict, or fails otherwise for good, is not tried again before the end', () => {
    const load = held(patient, ...goals);
    load.done(load.begin());
    look(load, ...goals);
    load.fail('restore-table', failureOf('42501', false));
    assert.ok(!load.effects.some((effect) => effect.kind === 'later' && effect.event.kind === 'effect-due'));
    load.take('look');
  });

  test('are given up at a shutdown when its grace period is over', () => {
    const load = held(patient, ...goals);
    load.done(load.begin());
    look(load, ...goals);
    load.raise({ kind: 'shutdown', graceMs: 100 });
    load.claim(false);
    assert.equal(load.at, 'draining (shutdown)');
    load.waitOut('grace-over');
    load.take('abort-finish');
    load.raise({ kind: 'restore-ended', type: 'Patient', refused: [] });
    assert.equal(load.at, 'ended (shutdown)');
  });
});

describe('the file whose first bytes are read meanwhile', () => {
  const files = ['a', 'b', 'c', 'd', 'e'].map((id) => fileOf(id));
  const nextOf = (load: Driven) => load.take('load-file').next?.id;

  test('is the one that is claimed when those in flight have ended, each in its turn', () => {
    const load = new Driven(requestOf({ threadNum: 2 })).join().list(...files);
    load.claim();
    assert.equal(nextOf(load), 'c');
    load.claim();
    assert.equal(nextOf(load), 'd');
    load.done('b').claim();
    assert.equal(nextOf(load), 'e');
    load.done('a').claim();
    assert.equal(nextOf(load), undefined);
  });

  test('is none where another replica takes files of this queue, too', () => {
    const load = new Driven(requestOf({ threadNum: 1 })).join().list(...files);
    load.take('claim');
    load.raise({
      kind: 'claimed',
      claimed: [{ id: 'b', file: { file: 'b.ndjson', type: 'Patient', size: LARGE } }],
    });
    assert.equal(nextOf(load), undefined);
  });

  test('is none where that is one of a batch, which reads ahead by itself', () => {
    const small = Array.from({ length: 40 }, (_, n) => fileOf(`small-${n}`, { size: 1000 }));
    const load = new Driven(requestOf({ threadNum: 1 })).join().list(fileOf('large'), ...small);
    load.claim();
    assert.equal(nextOf(load), undefined);
  });

  test('is none with more slots than a thread keeps first bytes for', () => {
    const many = Array.from({ length: 40 }, (_, n) => fileOf(`file-${String(n).padStart(2, '0')}`));
    const load = new Driven(requestOf({ threadNum: 17 })).join().list(...many);
    load.claim();
    assert.equal(nextOf(load), undefined);
  });
});
