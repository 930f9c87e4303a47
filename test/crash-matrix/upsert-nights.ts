import { capText } from '../../src/errors/cap-text.ts';
import { ndjson } from '../support/ndjson.ts';
import { waitFor } from '../support/wait-for.ts';
import type { Fault } from './faults.ts';
import type { MatrixCluster } from './matrix-cluster.ts';

const KEY = 'Basic.ndjson';
/** Of each night's load. */
export const PARAMS = { 'thread-num': 1, 'upsert?': true };

interface Row {
  id: string;
  note: string;
}

/** A night's load that is stopped, and what it must come to. */
export interface Night {
  /** What is stored, and has fingerprints, before. */
  stored: readonly Row[];
  /** The rows of its file. */
  next: readonly Row[];
  /** `created`, `updated` and `unchanged` of its LoaderFile. */
  counts: string;
  /** Whether its rows are first inserted in the order of lines: `upsert?` inserts in that of ids. */
  inFileOrder?: boolean;
}

/** Of some rows the resource has changed, two are gone, and two are new. */
function nightOf(rows: number, isChanged: (n: number) => boolean, numberOf = (n: number) => n): Night {
  const stored = Array.from({ length: rows }, (_, n) => ({ id: `r${numberOf(n)}`, note: 'stored' }));
  const kept = stored.slice(2).map((row, n) => (isChanged(n) ? { ...row, note: 'changed' } : row));
  const updated = kept.filter(({ note }) => note === 'changed').length;
  const added = ['n0', 'n1'].map((id) => ({ id, note: 'new' }));
  return { stored, next: [...kept, ...added], counts: `${added.length} ${updated} ${kept.length - updated}` };
}

export const SOME_CHANGED = nightOf(50, (n) => n % 8 === 0);
/** So many rows, of which so many have changed, that they are written without a look before. */
export const NEARLY_ALL_CHANGED = nightOf(2_300, (n) => n % 40 !== 0);
/** The same in an order of lines that is not that of ids, in which the table has them and they are written. */
export const IN_FILE_ORDER: Night = {
  ...nightOf(
    2_300,
    (n) => n % 40 !== 0,
    (n) => (n * 1_117) % 2_300,
  ),
  inFileOrder: true,
};

/** Loads the rows so often that they have fingerprints, by the second replica, and leaves no LoaderFile. */
export async function loadNights(cluster: MatrixCluster, { stored, inFileOrder }: Night): Promise<void> {
  if (inFileOrder) await loadNight(cluster, ndjson(stored), { 'thread-num': 1 });
  for (let night = 0; night < 3; night++) await loadNight(cluster, ndjson(stored));
  const [{ noted } = { noted: 0 }] = await cluster.sql<{ noted: number }>(
    'select count(*)::int as noted from fhir_bucket_loader.fingerprint f join basic t on t.ctid = f.place and t.xmin = f.version',
  );
  if (noted < stored.length) throw new Error(`${noted} of ${stored.length} rows have a fingerprint`);
}

/**
 * What is wrong after the load of a night's file: all of its changes are there, or none; and loads after it are not led astray by what was noted.
 */
export async function wrongNights(
  cluster: MatrixCluster,
  bucket: string,
  fault: Fault,
  night: Night,
): Promise<{ outcome: 'all' | 'none'; wrong: string[] }> {
  const [file] = await cluster.sql<{ status: string; loaded: string; counts: string; message: string | null }>(
    `select resource ->> 'status' as status, resource ->> 'loaded' as loaded, resource ->> 'message' as message,
            concat_ws(' ', resource ->> 'created', resource ->> 'updated', resource ->> 'unchanged') as counts
       from loaderfile where resource ->> 'bucket' = $1`,
    [`s3://${bucket}`],
  );
  const wrong: string[] = [];
  const stored = textOf(await storedRows(cluster));
  const isAll = stored === textOf([...night.stored, ...night.next]);
  if (!isAll && !(fault.deletes && stored === textOf(night.stored))) wrong.push(`stored: ${capText(stored)}`);
  // Where the answer to the commit was lost, or its LoaderFile was deleted, the file may have been loaded twice.
  const rows = night.next.length;
  const isDone =
    file?.status === 'done' && file.loaded === `${rows}` && [night.counts, `0 0 ${rows}`].includes(file.counts);
  if (file === undefined ? !fault.deletes : !isDone) wrong.push(`LoaderFile: ${JSON.stringify(file)}`);
  let before = await storedRows(cluster);
  for (const rows of [night.stored, night.next, night.next, night.stored]) {
    await loadNight(cluster, ndjson(rows));
    const after = await storedRows(cluster);
    if (textOf(after) !== textOf([...before, ...rows])) wrong.push(`the next load: ${capText(textOf(after))}`);
    before = after;
  }
  return { outcome: isAll ? 'all' : 'none', wrong };
}

async function loadNight(cluster: MatrixCluster, body: string, params: object = PARAMS): Promise<void> {
  const bucket = await cluster.s3.createBucket();
  await cluster.s3.putObject(bucket, KEY, body);
  await waitFor(
    async () => {
      const { state } = await cluster.state(bucket);
      if (state !== 'completed' && state !== 'in-progress') await cluster.callAgain(bucket, params);
      return state === 'completed';
    },
    { what: 'the end of a night' },
  );
  await cluster.sql('delete from loaderfile where resource ->> $1 = $2', ['bucket', `s3://${bucket}`]);
}

async function storedRows(cluster: MatrixCluster): Promise<Row[]> {
  return await cluster.sql<Row>(`select id, resource ->> 'note' as note from basic`);
}

/** Of rows with one id, the last one counts. */
function textOf(rows: readonly Row[]): string {
  const notes = new Map(rows.map(({ id, note }) => [id, note]));
  return [...notes]
    .map(([id, note]) => `${id}:${note}`)
    .sort()
    .join(' ');
}
