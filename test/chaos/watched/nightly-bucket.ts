import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Random } from '../../../demo/fhir-data/random.ts';
import { CHAOS_TYPES } from '../round-plan.ts';

/** A version of an object: what it says of which resources. */
export interface ObjectVersion {
  key: string;
  body: Buffer;
  /** Of a file of resources: what stands where `CONTENT` is, by id. */
  resources?: ReadonlyMap<string, string>;
  /** Of a file of deletions: ids. */
  deletes?: readonly string[];
}

/** Where the resources of these rounds say what they are, as a path in SQL. */
export const CONTENT = '{origin,content}';

/** What the table has before the round. */
export const BASE = 'base';

const FILES = { from: 3, to: 5 };
const OWN = { from: 20, to: 160 };
const SHARED = { from: 5, to: 40 };
const DOOMED = { from: 5, to: 40 };
/** So that a file takes half a second or so where the store is slow. */
const PAD = { from: 200, to: 600 };
const LISTS = 3;

/**
 * A bucket as a nightly export fills it: files that come, files that are replaced, and lists of deletes. Its files have
 * resources of their own, of which a third stays the same from version to version, resources that all of them have, and
 * such as a list of deletes names, which the next version of a file brings back.
 *
 * A resource that two files have says something else in each version of each file, and one that is to be deleted is in the
 * table from the start and in one list only: so the order in which files were done says all of what the tables must have.
 */
export class NightlyBucket {
  readonly bucket: string;
  readonly type: string;
  /** By the MD5 of the body: each was put into the bucket, or is about to be. */
  readonly versions = new Map<string, ObjectVersion>();
  /** The last version of each object, as its MD5, by key. */
  readonly current = new Map<string, string>();
  /** Ids of rows that are in the table before the round. */
  readonly base: readonly string[];

  readonly #random: Random;
  readonly #own: readonly (readonly string[])[];
  readonly #shared: readonly string[];
  readonly #doomed: readonly (readonly string[])[];
  readonly #numbers = new Map<string, number>();

  constructor(random: Random, bucket: string) {
    this.#random = random;
    this.bucket = bucket;
    this.type = random.pick(CHAOS_TYPES);
    const ids = (name: string, { from, to }: { from: number; to: number }) =>
      Array.from({ length: random.between(from, to) }, (_, n) => `${this.prefix}${name}-${n}`);
    this.#own = Array.from({ length: random.between(FILES.from, FILES.to) }, (_, n) => ids(`own-${n}`, OWN));
    this.#shared = ids('shared', SHARED);
    this.#doomed = Array.from({ length: LISTS }, (_, n) => ids(`doomed-${n}`, DOOMED));
    this.base = this.#doomed.flat();
  }

  /** What all ids begin with. */
  get prefix(): string {
    return `${this.bucket}-`;
  }

  /** Files of resources that may be there. */
  get files(): number {
    return this.#own.length;
  }

  /** Lists of deletes that may be there. */
  get lists(): number {
    return this.#doomed.length;
  }

  /** The next version of a file of resources. */
  nextFile(file: number): ObjectVersion {
    const key = `${this.type}-${file}.ndjson.gz`;
    const number = this.#next(key);
    const unique = `${key} ${number}`;
    const own = (this.#own[file] ?? []).filter(() => this.#random.chance(0.9));
    const resources = new Map(own.map((id, n) => [id, n % 3 === 0 ? `${key} always` : unique]));
    const others = [...this.#shared, ...this.#doomed.flat()];
    for (const id of others) if (this.#random.chance(0.5)) resources.set(id, unique);
    const lines = [...resources].map(([id, content]) => ({
      resourceType: this.type,
      id,
      origin: { content, pad: content === unique ? this.#random.digits(this.#random.between(PAD.from, PAD.to)) : '' },
    }));
    // In whatever order: two files with the same ids must not wait for each other for ever.
    lines.sort((a, b) => hash(a.id + number) - hash(b.id + number));
    return this.#keep({ key, body: gzipSync(textOf(lines)), resources });
  }

  /** A list of deletes; there is one version of each. */
  list(list: number): ObjectVersion {
    const deletes = [...(this.#doomed[list] ?? []), `${this.prefix}never-${list}`];
    const bundles = deletes.map((id) => ({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [{ request: { method: 'DELETE', url: `${this.type}/${id}` } }],
    }));
    return this.#keep({ key: `deleted/${this.type}-${list}.ndjson`, body: Buffer.from(textOf(bundles)), deletes });
  }

  #next(key: string): number {
    const number = (this.#numbers.get(key) ?? 0) + 1;
    this.#numbers.set(key, number);
    return number;
  }

  #keep(version: ObjectVersion): ObjectVersion {
    const md5 = createHash('md5').update(version.body).digest('hex');
    this.versions.set(md5, version);
    this.current.set(version.key, md5);
    return version;
  }
}

function textOf(lines: readonly object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function hash(text: string): number {
  return createHash('md5').update(text).digest().readUInt32BE();
}
