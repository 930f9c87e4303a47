import { toFailure } from '../errors/failure.ts';
import { DeletionTransform } from '../pipeline/deletion-transform.ts';
import { IdBatches } from '../pipeline/id-batches.ts';
import { LineMemory } from '../pipeline/line-memory.ts';
import { readNdjson } from '../pipeline/read-ndjson.ts';
import { RowEncoder } from '../pipeline/row-encoder.ts';
import type { CheckedLine, CheckOutcome, CheckTask } from './check-task.ts';
import type { LoadFileOptions } from './load-file-options.ts';

export interface CheckFileOptions
  extends Pick<
    LoadFileOptions,
    'source' | 'maxLineBytes' | 'lineMemory' | 'loadableTypes' | 'buffers' | 'transforms' | 'signal'
  > {
  /** Takes a batch of ids; resolves when another may come. */
  sendIds: (batch: Buffer) => Promise<void>;
}

/**
 * Reads a file as a load does, from the source's bytes to encoded rows, and drops the rows. What only Postgres would refuse
 * is not found.
 * @throws the signal's reason when aborted; what `sendIds` does
 */
export async function checkFile(task: Omit<CheckTask, 'port'>, options: CheckFileOptions): Promise<CheckOutcome> {
  const { type, transform: how, listsDeletions, numbers, mostBadLines } = task;
  const { source, maxLineBytes, loadableTypes, buffers, transforms, signal, sendIds } = options;
  const transform = listsDeletions ? new DeletionTransform(loadableTypes) : transforms.create(how, type);
  const ids = new IdBatches(numbers);
  const badLines: CheckedLine[] = [];
  let badLinesCount = 0;
  const defaultTs = how.keepLastUpdated && !listsDeletions ? 0n : undefined;
  const encoder = new RowEncoder(
    { transform, constants: [], defaultTs, maxLineBytes, buffers },
    [(_rows, reuse) => reuse()],
    {
      onRow: ({ line }) => {
        if (!listsDeletions) ids.add(line, transform.idBytes, transform.idStart, transform.idEnd);
      },
      onBadLine: (_place, { line, code, message }) => {
        badLinesCount++;
        if (badLines.length < mostBadLines) badLines.push({ line, code, message });
      },
    },
  );
  const lineMemory = new LineMemory(options.lineMemory, signal);
  const bytes = source.open(task, signal);
  const outcome = (): CheckOutcome => ({
    kind: 'checked',
    rows: listsDeletions ? 0 : encoder.rows,
    rawBytes: encoder.bytesIn,
    badLinesCount,
    badLines,
  });
  let isSending = false;
  try {
    for await (const chunk of readNdjson(bytes.read(), undefined, 'passing')) {
      signal.throwIfAborted();
      encoder.write(chunk);
      await lineMemory.hold(encoder.pendingBytes);
      isSending = true;
      for (const batch of ids.takeFull()) await sendIds(batch);
      isSending = false;
    }
    encoder.end();
    isSending = true;
    for (const batch of ids.takeAll()) await sendIds(batch);
    return outcome();
  } catch (error) {
    signal.throwIfAborted();
    if (isSending) throw error;
    const failure = toFailure((await bytes.findDamage()) ?? error);
    return { ...outcome(), failure };
  } finally {
    lineMemory.release();
  }
}
