import type { S3Client } from '@aws-sdk/client-s3';
import { createS3Client } from './create-s3-client.ts';
import { DirectGets } from './direct-gets.ts';
import { RangeBudget } from './range-window.ts';
import type { S3Account, S3Timeouts } from './s3-account.ts';

/** Clients kept; with credentials that rotate, the oldest are let go. */
const MOST_CLIENTS = 16;

/** Connections per bucket and thread: more than the files that one thread reads at once. */
const MAX_SOCKETS = 256;

/** S3 clients by account and bucket, so that the files of a load share connections, and its pace where S3 limits that. */
export class S3Clients {
  /** Of all objects that are read through these clients. */
  readonly rangeBudget = new RangeBudget();

  readonly #clients = new Map<string, S3Client>();
  readonly #directGets = new WeakMap<S3Client, DirectGets>();
  readonly #allowPrivateHosts: boolean;

  constructor(allowPrivateHosts: boolean) {
    this.#allowPrivateHosts = allowPrivateHosts;
  }

  /** @throws PrivateHostError */
  get(account: S3Account, bucket: string, { connectTimeoutMs }: Pick<S3Timeouts, 'connectTimeoutMs'>): S3Client {
    const key = JSON.stringify([account, bucket, connectTimeoutMs]);
    let client = this.#clients.get(key);
    // Re-inserting keeps the map in order of last use.
    if (client !== undefined) this.#clients.delete(key);
    client ??= createS3Client(account, {
      connectTimeoutMs,
      maxSockets: MAX_SOCKETS,
      allowPrivateHosts: this.#allowPrivateHosts,
      bucket,
    });
    this.#clients.set(key, client);
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > MOST_CLIENTS && oldest !== undefined) this.#clients.delete(oldest);
    return client;
  }

  /** Of a client of its own bucket. */
  directGets(client: S3Client): DirectGets {
    const present = this.#directGets.get(client);
    if (present !== undefined) return present;
    const made = new DirectGets(client);
    this.#directGets.set(client, made);
    return made;
  }
}
