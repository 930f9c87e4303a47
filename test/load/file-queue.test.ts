import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  afterClaim,
  EMPTY_QUEUE,
  includesType,
  isExhausted,
  offer,
  queueOf,
  without,
} from '../../src/load/file-queue.ts';
import { endClaim, NO_SLOTS, refilled, startClaim } from '../../src/load/load-slots.ts';
import { FileList } from '../../src/store/loader-file/file-list.ts';
import { PackedFiles } from '../../src/store/loader-file/packed-files.ts';
import { requestOf } from './request-of.ts';

const file = (n: number) => ({ id: `${n}`, key: `${n}`, type: 'Patient', size: n, lastModified: '', etag: null });
const files = (count: number) => FileList.of(Array.from({ length: count }, (_, n) => file(n + 1)));
const idsOf = (queue: Parameters<typeof offer>[0]) => offer(queue).map(({ id }) => id);

describe('FileQueue', () => {
  test('offers files in order, each until a claim has passed it', () => {
    let queue = queueOf(files(5));
    assert.deepEqual(idsOf(queue), ['1', '2', '3', '4', '5']);
    queue = afterClaim(queue, offer(queue), '2');
    assert.deepEqual([idsOf(queue), queue.bytesLeft], [['3', '4', '5'], 12]);
    queue = afterClaim(queue, offer(queue), undefined);
    assert.deepEqual([idsOf(queue), queue.bytesLeft, isExhausted(queue)], [[], 0, true]);
  });

  test('says whether files of a type are still to be offered, up to the last one', () => {
    const queue = queueOf(files(2));
    const [first, last] = offer(queue);
    assert.ok(first !== undefined && last !== undefined);
    const before = afterClaim(queue, [first], first.id);
    assert.deepEqual([includesType(before, 'Patient'), includesType(before, 'Device')], [true, false]);
    assert.equal(includesType(afterClaim(before, [last], last.id), 'Patient'), false);
  });

  test('a claim is offered 64 at once', () => {
    let queue = queueOf(files(100));
    assert.equal(idsOf(queue).length, 64);
    queue = afterClaim(queue, offer(queue), undefined);
    assert.deepEqual([idsOf(queue)[0], idsOf(queue).length], ['65', 36]);
  });

  test('a file that was claimed under the list before is not offered again', () => {
    const queue = without(queueOf(files(3)), new Set(['2']));
    assert.deepEqual([idsOf(queue), queue.bytesLeft], [['1', '3'], 4]);
    assert.ok(isExhausted(EMPTY_QUEUE));
  });
});

test('a claim looks at the files that it is offered, not at all that wait', (t) => {
  const request = requestOf();
  for (const upsert of [false, true]) {
    const waiting = refilled(NO_SLOTS, files(5000));
    const { mock } = t.mock.method(PackedFiles.prototype, 'text');
    const claiming = startClaim(waiting, { ...request, write: { ...request.write, upsert } });
    assert.ok(claiming?.claiming);
    const { offered, isBatch } = claiming.claiming;
    assert.equal(isBatch, !upsert);
    const left = endClaim(claiming, new Set(isBatch ? offered.map(({ id }) => id) : ['1']));
    assert.equal(left.queue.at, isBatch ? offered.length : 1);
    const reads = mock.callCount();
    assert.ok(reads > 0 && reads <= 2 * offered.length, `${reads} reads, ${offered.length} offered`);
    mock.restore();
  }
});
