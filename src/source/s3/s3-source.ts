import { ListAgain } from '../list-again.ts';
import type { ListedObject, ObjectBytes, ObjectSource, ObjectToRead } from '../object-source.ts';
import { listObjects } from './list-objects.ts';
import { ObjectReader } from './object-reader.ts';
import type { S3Address } from './s3-account.ts';
import type { S3Clients } from './s3-clients.ts';

/** Time to connect for a listing where the call sets none, in ms: somebody waits for the answer. */
const LISTING_CONNECT_TIMEOUT_MS = 10_000;
/** Time for a page of a listing where the call sets none, in ms. */
const LISTING_READ_TIMEOUT_MS = 30_000;

/** A bucket of S3 or of an S3-compatible store. Needs `s3:ListBucket` and `s3:GetObject` only. */
export class S3Source implements ObjectSource {
  readonly #clients: S3Clients;
  readonly #address: S3Address;
  /** Whether the store has listed keys in an order of its own. */
  #isOutOfOrder = false;

  constructor(clients: S3Clients, address: S3Address) {
    this.#clients = clients;
    this.#address = address;
  }

  async *list(
    prefixes: readonly string[],
    signal: AbortSignal,
    after?: ReadonlyMap<string, string>,
  ): AsyncGenerator<ListedObject[]> {
    const { account, bucket, timeouts } = this.#address;
    const connectTimeoutMs = timeouts.connectTimeoutMs === 0 ? LISTING_CONNECT_TIMEOUT_MS : timeouts.connectTimeoutMs;
    const limitMs = timeouts.readTimeoutMs === 0 ? LISTING_READ_TIMEOUT_MS : timeouts.readTimeoutMs;
    const client = this.#clients.get(account, bucket, { connectTimeoutMs });
    const { requesterPays } = account;
    const mostAtOnce = this.#isOutOfOrder ? 1 : undefined;
    try {
      yield* listObjects(client, { bucket, prefixes, limitMs, signal, after, requesterPays, mostAtOnce });
    } catch (error) {
      if (error instanceof ListAgain) this.#isOutOfOrder = true;
      throw error;
    }
  }

  open(object: ObjectToRead, signal: AbortSignal): ObjectBytes {
    const { account, bucket, timeouts } = this.#address;
    const client = this.#clients.get(account, bucket, timeouts);
    const { readTimeoutMs } = timeouts;
    return new ObjectReader(
      client,
      { ...object, bucket },
      {
        readTimeoutMs,
        signal,
        requesterPays: account.requesterPays,
        direct: this.#clients.directGets(client),
        ranges: { budget: this.#clients.rangeBudget },
      },
    );
  }
}
