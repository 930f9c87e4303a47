import type { FileList } from '../store/loader-file/file-list.ts';
import type { QueuedFile } from '../store/loader-file/queue.ts';
import { type ConnectionLimit, NO_LIMIT } from './connection-limit.ts';
import { afterClaim, EMPTY_QUEUE, type FileQueue, isExhausted, offer, queueOf, without } from './file-queue.ts';
import type { LoadRequest, NumberedRequest } from './load-request.ts';
import { nextBatch } from './small-files.ts';

/** A file that this process has claimed. */
export interface Flight {
  readonly file: QueuedFile;
  /** Its settings: those of the latest call when it was begun. */
  readonly request: NumberedRequest;
  /** Connections that it uses: one, or one for each partition; of a batch its first file has the one, and the slot. */
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
  /** The claim in progress; one at a time, so that files begin in order. */
  readonly claiming: Claiming | undefined;
  readonly limit: ConnectionLimit;
  /** Whether a file was in flight since the files now in the queue were listed: the list is then out of date. */
  readonly hasWorked: boolean;
  /** Prepared transactions that the server has room for; 0 where it does not know two-phase commit. */
  readonly maxPartitions: number;
  /**
   * Files that were in a batch and are to be loaded by themselves, since it failed, or they did; with their failed attempts.
   */
  readonly alone: ReadonlyMap<string, number>;
}

/** A claim in progress. */
export interface Claiming {
  readonly offered: readonly QueuedFile[];
  readonly from: FileQueue;
  /** Whether all that are free are taken, to be loaded as one batch; else the first. */
  readonly isBatch: boolean;
}

/** Those of a load that begins. */
export const NO_SLOTS: LoadSlots = {
  queue: EMPTY_QUEUE,
  flights: new Map(),
  claiming: undefined,
  limit: NO_LIMIT,
  hasWorked: false,
  maxPartitions: 0,
  alone: new Map(),
};

/** Size from which a file is split into partitions, in bytes of the object: a second or two of COPY. */
const PARTITION_FROM_BYTES = 4 * 1024 * 1024;

/** One thread encodes for all of a file's partitions; it keeps up with about this many. */
const MOST_PARTITIONS = 8;

/** Connections that the files in flight use. */
export function connectionsUsed({ flights }: LoadSlots): number {
  let sum = 0;
  for (const { connections } of flights.values()) sum += connections;
  return sum;
}

/** Slots that they use. */
function slotsUsed({ flights }: LoadSlots): number {
  let slots = 0;
  for (const { connections } of flights.values()) if (connections > 0) slots++;
  return slots;
}

/** Whether the call's `thread-num` and the connections leave room for another file. */
export function hasFreeSlot(slots: LoadSlots, { threadNum }: LoadRequest): boolean {
  return slotsUsed(slots) < threadNum && connectionsUsed(slots) < slots.limit.most;
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
export function refilled(slots: LoadSlots, files: FileList): LoadSlots {
  const { flights } = slots;
  const queue = queueOf(flights.size === 0 ? files : files.filter(({ id }) => !flights.has(id)));
  return { ...slots, queue };
}

/** Offers the next files to a claim. @returns undefined where no slot is free, a claim is going on or nothing is left */
export function startClaim(slots: LoadSlots, request: LoadRequest): LoadSlots | undefined {
  if (slots.claiming !== undefined || isExhausted(slots.queue) || !hasFreeSlot(slots, request)) return undefined;
  const { queue, alone } = slots;
  const batch = nextBatch(queue, request, alone);
  const isBatch = batch.length > 0;
  return { ...slots, claiming: { offered: isBatch ? batch : offer(queue), from: queue, isBatch } };
}

/** Most slots that have files begun ahead. Where there are more, others give Postgres work while some wait for the store. */
const MOST_SLOTS_AHEAD = 16;

/**
 * The file that is claimed when those in flight have ended, each in its turn; undefined where that is a batch, which reads ahead by
 * itself.
 */
export function fileAfterFlights({ queue, alone }: LoadSlots, request: LoadRequest): QueuedFile | undefined {
  if (request.threadNum > MOST_SLOTS_AHEAD) return undefined;
  const isBatchNext = nextBatch(queue, request, alone).length > 0;
  return isBatchNext ? undefined : queue.files.at(queue.at + request.threadNum - 1);
}

/** After the claim. A refill that came meanwhile has offered nothing of its own yet, and may hold the files once more. */
export function endClaim(slots: LoadSlots, taken: ReadonlySet<string>): LoadSlots {
  const { claiming, queue } = slots;
  if (claiming === undefined) return slots;
  const [first] = taken;
  if (queue === claiming.from) {
    const upTo = claiming.isBatch ? undefined : first;
    return { ...slots, queue: afterClaim(queue, claiming.offered, upTo), claiming: undefined };
  }
  return { ...slots, queue: first === undefined ? queue : without(queue, taken), claiming: undefined };
}

/** Changes files in flight, or begins some. */
export function withFlights(slots: LoadSlots, changed: readonly Flight[]): LoadSlots {
  const flights = new Map(slots.flights);
  for (const flight of changed) flights.set(flight.file.id, flight);
  return { ...slots, hasWorked: true, flights };
}

/** Changes a file in flight, or begins one. */
export function withFlight(slots: LoadSlots, flight: Flight): LoadSlots {
  return withFlights(slots, [flight]);
}

/** Files are not in flight any more. */
export function withoutFlights(slots: LoadSlots, ids: Iterable<string>): LoadSlots {
  const flights = new Map(slots.flights);
  for (const id of ids) flights.delete(id);
  return { ...slots, flights };
}

/** A file is not in flight any more. */
export function withoutFlight(slots: LoadSlots, id: string): LoadSlots {
  return withoutFlights(slots, [id]);
}

/**
 * Into how many partitions a file is split whose rows are plainly inserted: its part of the bytes still to be loaded, so that the last large files
 * keep all of the call's slots busy. Files that load in a second are not worth a second commit.
 */
export function partitionsFor(slots: LoadSlots, size: number, { threadNum, maxErrors }: LoadRequest): number {
  if (maxErrors > 0 || size < PARTITION_FROM_BYTES) return 1;
  const rest = slots.queue.bytesLeft + size;
  const free = Math.max(1, slots.limit.most - connectionsUsed(slots));
  return Math.min(threadNum, slots.maxPartitions + 1, MOST_PARTITIONS, free, Math.ceil((threadNum * size) / rest));
}
