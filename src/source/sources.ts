import { type FolderAddress, FolderSource } from './folder/folder-source.ts';
import type { ObjectSource } from './object-source.ts';
import type { S3Address } from './s3/s3-account.ts';
import { S3Clients } from './s3/s3-clients.ts';
import { S3Source } from './s3/s3-source.ts';

/** Which source a load reads, and how to reach it. Plain data: it crosses to worker threads. Never log it: secrets. */
export type SourceAddress = S3Address | FolderAddress;

/** What the server allows its sources; the same for all calls. */
export interface SourceOptions {
  /** Whether an S3 store's host may be a private or loopback address. */
  allowPrivateHosts: boolean;
  /** Folders of this machine that may be read, with all that is in them; absolute paths. */
  fileRoots: readonly string[];
}

/** Opens sources; keeps what their files can share, such as connections. One in each thread. */
export class Sources {
  readonly #s3Clients: S3Clients;
  readonly #fileRoots: readonly string[];

  constructor({ allowPrivateHosts, fileRoots }: SourceOptions) {
    this.#fileRoots = fileRoots;
    this.#s3Clients = new S3Clients(allowPrivateHosts);
  }

  open(address: SourceAddress): ObjectSource {
    switch (address.kind) {
      case 's3':
        return new S3Source(this.#s3Clients, address);
      case 'folder':
        return new FolderSource(address, this.#fileRoots);
    }
  }
}
