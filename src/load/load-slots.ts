import type { QueuedFile } from '../store/loader-file/queue.ts';
import { type ConnectionLimit, NO_LIMIT } from './connection-limit.ts';
import { afterClaim, EMPTY_QUEUE, type FileQueue, isExhausted, offer, queueOf, without } from './file-queue.ts';
import type { LoadRequest, NumberedRequest } from './load-request.ts';

/** A file that this process has claimed. */
export interface Flight {
  readonly file: QueuedFile;
  /** Its settings: those of the latest call when it was begun. */
  readonly request: NumberedRequest;
  /** Connections that it uses: one, or one for each partition. */
  readonly connections: number;
  /** Attempts that have failed. */
  readonly failures: number;
  /** Outages that began with an attempt at it, while other files were loaded before and after. */
  readonly outages: number;
  /** Loading on a worker thread; pausing before another attempt; or being claimed again for it. */
  readonly step: 'loading' | 'pausing' | 'claiming';
}

/** A load's queue and its files in flight. Immutable. */
export interface LoadSlots {
  readonly queue: FileQueue;
  /** By LoaderFile id. */
  readonly flights: ReadonlyMap<string, Flight>;
  /** The files offered to the claim in progress. One at a time, so that files begin in order. */
  readonly claiming: { readonly offered: readonly QueuedFile[]; readonly from: FileQueue } | undefined;
  readonly limit: ConnectionLimit;
  /** Whether a file was in flight since the files now in the queue were listed: the list is then out of date. */
  readonly hasWorked: boolean;
  /** Prepared transactions that the server has room for; 0 where it does not know two-phase commit. */
  readonly maxPartitions: number;
}

export const NO_SLOTS: LoadSlots = {
  queue: EMPTY_QUEUE,
  flights: new Map(),
  claiming: undefined,
  limit: NO_LIMIT,
  hasWorked: false,
  maxPartitions: 0,
};

/** Size from which a file is split into partitions, in bytes of the object: a second or two of COPY. */
const PARTITION_FROM_BYTES = 4 * 1024 * 1024;

/** One thread encodes for all of a file's partitions; it keeps up with about this many. */
const MOST_PARTITIONS = 8;

/** Connections that the files in flight use. */
export function connectionsUsed({ flights }: LoadSlots): number {
  return [...flights.values()].reduce((sum, { connections }) => sum + connections, 0);
}

/** Whether the call's `thread-num` and the connections leave room for another file. */
export function hasFreeSlot(slots: LoadSlots, { threadNum }: LoadRequest): boolean {
  return slots.flights.size < threadNum && connectionsUsed(slots) < slots.limit.most;
}

/** Whether no file is in flight and none is being claimed. */
export function isIdle({ flights, claiming }: LoadSlots): boolean {
  return flights.size === 0 && claiming === undefined;
}

/** Whether a slot is free and no file is left to offer. */
export function isStarved(slots: LoadSlots, request: LoadRequest): boolean {
  return slots.claiming === undefined && isExhausted(slots.queue) && hasFreeSlot(slots, request);
}

/** The files are being listed. */
export function startListing(slots: LoadSlots): LoadSlots {
  return { ...slots, hasWorked: slots.flights.size > 0 };
}

/** Replaces what is still to come by these files, in this order; files in flight go on with their own settings. */
export function refilled(slots: LoadSlots, files: readonly QueuedFile[]): LoadSlots {
  const queue = queueOf(files.filter(({ id }) => !slots.flights.has(id)));
  return { ...slots, queue };
}

/** Offers the next files to a claim. @returns undefined where no slot is free, a claim is going on or nothing is left */
export function startClaim(slots: LoadSlots, request: LoadRequest): LoadSlots | undefined {
  if (slots.claiming !== undefined || isExhausted(slots.queue) || !hasFreeSlot(slots, request)) return undefined;
  return { ...slots, claiming: { offered: offer(slots.queue), from: slots.queue } };
}

/** After the claim. A refill that came meanwhile has offered nothing of its own yet, and may hold the file once more. */
export function endClaim(slots: LoadSlots, taken: string | undefined): LoadSlots {
  const { claiming, queue } = slots;
  if (claiming === undefined) return slots;
  const left = taken === undefined ? queue : without(queue, taken);
  const advanced = queue === claiming.from ? afterClaim(queue, claiming.offered, taken) : left;
  return { ...slots, queue: advanced, claiming: undefined };
}

/** Changes a file in flight, or begins one. */
export function withFlight(slots: LoadSlots, flight: Flight): LoadSlots {
  return { ...slots, hasWorked: true, flights: new Map([...slots.flights, [flight.file.id, flight]]) };
}

/** A file is not in flight any more. */
export function withoutFlight(slots: LoadSlots, id: string): LoadSlots {
  return { ...slots, flights: new Map([...slots.flights].filter(([other]) => other !== id)) };
}

/**
 * Into how many partitions a file is split: its part of the bytes still to be loaded, so that the last large files
 * keep all of the call's slots busy. Files that load in a second are not worth a second commit.
 */
export function partitionsFor(slots: LoadSlots, size: number, { threadNum, write, maxErrors }: LoadRequest): number {
  const plain = !write.upsert && maxErrors === 0;
  if (!plain || size < PARTITION_FROM_BYTES || slots.maxPartitions === 0) return 1;
  const rest = slots.queue.bytesLeft + size;
  const free = Math.max(1, slots.limit.most - connectionsUsed(slots));
  return Math.min(threadNum, slots.maxPartitions + 1, MOST_PARTITIONS, free, Math.ceil((threadNum * size) / rest));
}
