import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Transforms } from '../../src/pipeline/create-transform.ts';
import { RowMemory } from '../../src/worker/row-memory.ts';

describe('the memory that rows are made in', () => {
  test('belongs to the module that makes them', async () => {
    const transforms = new Transforms();
    const memory = new RowMemory(transforms);
    await memory.use(async (buffers) => {
      const buffer = buffers.take();
      assert.equal(typeof transforms.plainRowModule?.addressOf(buffer), 'number');
      assert.equal(
        buffers.crc32,
        transforms.plainRowModule?.crc32,
        'sums of what is unpacked there are made there, too',
      );
      buffers.giveBack(buffer);
    });
  });

  test('is replaced when files that failed have kept much of it, but not while another file is in flight', async () => {
    const transforms = new Transforms();
    const memory = new RowMemory(transforms);
    const first = transforms.plainRowModule;
    const fail = async () =>
      await memory.use(async (buffers) => {
        for (let n = 0; n < 5; n++) buffers.take();
        throw new Error('the file has failed');
      });
    const other = Promise.withResolvers<void>();
    const inFlight = memory.use(async (buffers) => {
      const buffer = buffers.take();
      await other.promise;
      buffers.giveBack(buffer);
    });
    await assert.rejects(fail, /the file has failed/);
    await assert.rejects(fail, /the file has failed/);
    assert.equal(transforms.plainRowModule, first);
    other.resolve();
    await inFlight;
    assert.notEqual(transforms.plainRowModule, first);
    await memory.use(async (buffers) =>
      assert.equal(typeof transforms.plainRowModule?.addressOf(buffers.take()), 'number'),
    );
  });

  test('is kept by files that give all of it back', async () => {
    const transforms = new Transforms();
    const memory = new RowMemory(transforms);
    const first = transforms.plainRowModule;
    for (let n = 0; n < 100; n++) await memory.use(async (buffers) => buffers.giveBack(buffers.take()));
    assert.equal(transforms.plainRowModule, first);
  });
});
