import { gzipSync } from 'node:zlib';
import type { Random } from '../../demo/fhir-data/random.ts';
import { type NightlyFile, planNightly, planRecreated, planRewritten } from './nightly-files.ts';

/** Tables that the rounds load into; see `createChaosTables`. */
export const CHAOS_TYPES = ['Patient', 'Observation', 'Encounter', 'Condition'] as const;

/** A made-up file and what must become of it, whatever happens on the way. */
export interface PlannedFile {
  key: string;
  type: string;
  body: Buffer;
  /** The same file with another `version` in each row, for a replacement in mid-load. */
  replacement: Buffer;
  kind: FileKind;
  expected: 'done' | 'error';
  /** Rows that stand in the table once it is `done`. */
  rows: number;
  /** Bad lines left out, each a LoaderError. */
  badLines: number;
  /** Another file has the same ids, so rows of this one may be overwritten by it. */
  shared: boolean;
}

export type FileKind =
  | 'good'
  | 'large'
  | 'broken-json'
  | 'no-id'
  | 'cut-gzip'
  | 'duplicate-id'
  | 'empty'
  | 'shared-ids';

export interface RoundPlan {
  bucket: string;
  files: PlannedFile[];
  /** Of load-from-bucket, but for bucket and account. */
  params: Record<string, unknown>;
  upsert: boolean;
  /** What the tables have already of it, and deletions. */
  nightly: readonly NightlyFile[];
}

const FILES = { from: 8, to: 12 };
/** Rounds of small files, which are loaded in batches. */
const MOSTLY_SMALL_SHARE = 0.4;
const SMALL_FILES = { from: 40, to: 90 };
const SMALL_LINES = { from: 2, to: 40 };
const LINES = { from: 80, to: 900 };
/** Large enough to be dealt to several backends, which commit in two phases. */
const LARGE_LINES = 12_000;
const LARGE_PAD = 400;
const LARGE_SHARE = 0.4;
/** Of the rounds with `upsert?`; of the others, a file of which nearly all rows have changed. */
const NIGHTLY_SHARE = 0.6;
/** Of the rounds without, those that recreate what was deleted. */
const VERSIONS_SHARE = 0.3;
const RESOLVING_SHARE = 0.2;
/** Rounds in which most files are such, with threads enough for all of them to be partitioned. */
const MOSTLY_LARGE_SHARE = 0.5;
const MOSTLY_LARGE_FILES = 4;

/** Draws a round: files of several kinds and sizes, and how the call writes them. */
export function planRound(random: Random, bucket: string): RoundPlan {
  const upsert = random.chance(0.35);
  const versions = !upsert && random.chance(VERSIONS_SHARE);
  const history = versions || (upsert && random.chance(NIGHTLY_SHARE));
  const dropPrimaryKey = !upsert && !history && random.chance(0.5);
  const resolve = !dropPrimaryKey && random.chance(RESOLVING_SHARE);
  const maxErrors = random.chance(0.3) ? 2 : 0;
  const files: PlannedFile[] = [];
  const isLarge = !upsert && !versions && maxErrors === 0 && random.chance(MOSTLY_LARGE_SHARE);
  const isSmall = !isLarge && random.chance(MOSTLY_SMALL_SHARE);
  const many = isSmall ? SMALL_FILES : FILES;
  const count = isLarge ? 2 : random.between(many.from, many.to);
  const lines = isSmall ? SMALL_LINES : LINES;
  while (files.length < count) {
    const kind = drawKind(random, { upsert, dropPrimaryKey });
    files.push(planFile(random, bucket, { n: files.length, kind, lines }, maxErrors));
    const last = files.at(-1);
    if (kind === 'shared-ids' && last !== undefined) files.push(sharing(last));
  }
  const type = random.pick(CHAOS_TYPES);
  const nightly = versions
    ? planRecreated(random, bucket, type)
    : history
      ? planNightly(random, bucket, type)
      : upsert && maxErrors === 0
        ? planRewritten(random, bucket, type)
        : [];
  const large = isLarge ? MOSTLY_LARGE_FILES : !upsert && maxErrors === 0 && random.chance(LARGE_SHARE) ? 1 : 0;
  for (let n = 0; n < large; n++) files.push(planFile(random, bucket, { n: files.length, kind: 'large', lines }, 0));
  return {
    bucket,
    files,
    upsert,
    nightly,
    params: {
      'thread-num': isLarge ? random.between(4, 6) : random.between(1, isSmall ? 2 : 3),
      'disable-idx?': random.pick([true, true, true, false, false, 'auto']),
      'drop-primary-key?': dropPrimaryKey,
      'upsert?': upsert,
      'history?': history,
      'apply-deletions?': history,
      'resolve-references?': resolve,
      ...(resolve ? {} : { format: random.pick(['fhir', 'as-is']) }),
      'max-errors': maxErrors,
      'read-timeout': 2_000,
      'connect-timeout': 5_000,
      scheduler: random.pick(['optimal', 'by-last-modified']),
    },
  };
}

function drawKind(random: Random, { upsert, dropPrimaryKey }: { upsert: boolean; dropPrimaryKey: boolean }): FileKind {
  if (random.chance(0.7)) return 'good';
  const kinds: FileKind[] = ['broken-json', 'no-id', 'cut-gzip', 'empty'];
  // With its key dropped nothing finds a duplicate before the key is to come back, which then rightly fails.
  if (!dropPrimaryKey) kinds.push('duplicate-id');
  if (upsert) kinds.push('shared-ids');
  return random.pick(kinds);
}

function planFile(
  random: Random,
  bucket: string,
  { n, kind, lines: range }: { n: number; kind: FileKind; lines: { from: number; to: number } },
  maxErrors: number,
): PlannedFile {
  const type = random.pick(CHAOS_TYPES);
  const lines = kind === 'empty' ? 0 : kind === 'large' ? LARGE_LINES : random.between(range.from, range.to);
  const key = `${random.pick(['', 'fhir/', 'fhir/1/'])}${type}-${n}.${kind === 'large' ? 'ndjson' : 'ndjson.gz'}`;
  const bad = random.between(1, Math.max(1, lines));
  const pads = Array.from({ length: lines }, () =>
    kind === 'large' ? 'x'.repeat(LARGE_PAD) : random.digits(random.between(40, 160)),
  );
  const text = (version: number) =>
    pads.map((pad, at) => line({ bucket, key, type, n, line: at + 1, version, pad, kind, bad })).join('');
  const tolerated = maxErrors > 0 && (kind === 'broken-json' || kind === 'no-id' || kind === 'duplicate-id');
  const fails = !tolerated && !['good', 'large', 'empty', 'shared-ids'].includes(kind);
  const members = random.between(1, 3);
  const pack = (version: number) =>
    kind === 'large' ? Buffer.from(text(version)) : compress(text(version), kind, members);
  return {
    key,
    type,
    kind,
    body: pack(1),
    replacement: pack(2),
    expected: fails ? 'error' : 'done',
    rows: fails ? 0 : lines - (tolerated ? 1 : 0),
    badLines: tolerated ? 1 : 0,
    shared: kind === 'shared-ids',
  };
}

/** A second file with the ids of the first. */
function sharing(file: PlannedFile): PlannedFile {
  return { ...file, key: file.key.replace('.ndjson.gz', '-again.ndjson.gz') };
}

interface Line {
  bucket: string;
  key: string;
  type: string;
  n: number;
  line: number;
  version: number;
  pad: string;
  kind: FileKind;
  /** The line that is bad, in a file of a bad kind. */
  bad: number;
}

/** Each row carries where it comes from, so that losses and doubles can be counted to the row. */
function line({ bucket, key, type, n, line, version, pad, kind, bad }: Line): string {
  const isBad = line === bad;
  const twin = bad === 1 ? 2 : 1;
  const number = kind === 'duplicate-id' && isBad ? twin : line;
  const id = kind === 'no-id' && isBad ? undefined : `${bucket}-${n}-${number}`;
  const text = JSON.stringify({ resourceType: type, id, origin: { bucket, file: key, line, version }, pad });
  return kind === 'broken-json' && isBad ? `${text.slice(0, -2)}\n` : `${text}\n`;
}

function compress(text: string, kind: FileKind, members: number): Buffer {
  const lines = text.split(/(?<=\n)/);
  const size = Math.ceil(lines.length / members);
  const parts = Array.from({ length: members }, (_, part) => lines.slice(part * size, (part + 1) * size).join(''));
  const packed = Buffer.concat(parts.map((part) => gzipSync(part)));
  // Less than an empty member has, so that the file never ends between two.
  return kind === 'cut-gzip' ? packed.subarray(0, packed.length - 10) : packed;
}
