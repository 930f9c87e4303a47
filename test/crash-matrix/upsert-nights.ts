import { waitFor } from '../support/wait-for.ts';
import type { Fault } from './faults.ts';
import type { MatrixCluster } from './matrix-cluster.ts';

const KEY = 'Basic.ndjson';
const ROWS = 50;
const PARAMS = { 'thread-num': 1, 'upsert?': true };

/** What is stored, and has fingerprints, before the load that is stopped. */
const STORED = Array.from({ length: ROWS }, (_, n) => ({ id: `r${n}`, note: 'stored' }));
/** Its file: some are changed, two are gone, and two are new. */
const NEXT_ROWS = [
  ...STORED.slice(2).map((row, n) => (n % 8 === 0 ? { ...row, note: 'changed' } : row)),
  { id: 'n0', note: 'new' },
  { id: 'n1', note: 'new' },
];
export const NEXT = ndjson(NEXT_ROWS);

/** Loads the rows so often that they have fingerprints, by the second replica, and leaves no LoaderFile. */
export async function loadNights(cluster: MatrixCluster): Promise<void> {
  for (let night = 0; night < 3; night++) await loadNight(cluster, ndjson(STORED));
  const [{ noted } = { noted: 0 }] = await cluster.sql<{ noted: number }>(
    'select count(*)::int as noted from fhir_bucket_loader.fingerprint f join basic t on t.ctid = f.place and t.xmin = f.version',
  );
  if (noted < ROWS) throw new Error(`${noted} of ${ROWS} rows have a fingerprint`);
}

/**
 * What is wrong after the load of `NEXT`: all of its changes are there, or none; and loads after it are not led astray by what was noted.
 */
export async function wrongNights(
  cluster: MatrixCluster,
  bucket: string,
  fault: Fault,
): Promise<{ outcome: 'all' | 'none'; wrong: string[] }> {
  const [file] = await cluster.sql<{ status: string; loaded: string; counts: string; message: string | null }>(
    `select resource ->> 'status' as status, resource ->> 'loaded' as loaded, resource ->> 'message' as message,
            concat_ws(' ', resource ->> 'created', resource ->> 'updated', resource ->> 'unchanged') as counts
       from loaderfile where resource ->> 'bucket' = $1`,
    [`s3://${bucket}`],
  );
  const wrong: string[] = [];
  const stored = textOf(await storedRows(cluster));
  const isAll = stored === textOf([...STORED, ...NEXT_ROWS]);
  if (!isAll && !(fault.deletes && stored === textOf(STORED))) wrong.push(`stored: ${stored}`);
  // Where the answer to the commit was lost, or its LoaderFile was deleted, the file may have been loaded twice.
  const isDone = file?.status === 'done' && file.loaded === '50' && ['2 6 42', '0 0 50'].includes(file.counts);
  if (file === undefined ? !fault.deletes : !isDone) wrong.push(`LoaderFile: ${JSON.stringify(file)}`);
  let before = await storedRows(cluster);
  for (const rows of [STORED, NEXT_ROWS, NEXT_ROWS, STORED]) {
    await loadNight(cluster, ndjson(rows));
    const after = await storedRows(cluster);
    if (textOf(after) !== textOf([...before, ...rows])) wrong.push(`the next load: ${textOf(after)}`);
    before = after;
  }
  return { outcome: isAll ? 'all' : 'none', wrong };
}

async function loadNight(cluster: MatrixCluster, body: string): Promise<void> {
  const bucket = await cluster.s3.createBucket();
  await cluster.s3.putObject(bucket, KEY, body);
  await waitFor(
    async () => {
      const { state } = await cluster.state(bucket);
      if (state !== 'completed' && state !== 'in-progress') await cluster.callAgain(bucket, PARAMS);
      return state === 'completed';
    },
    { what: 'the end of a night' },
  );
  await cluster.sql('delete from loaderfile where resource ->> $1 = $2', ['bucket', `s3://${bucket}`]);
}

interface Row {
  id: string;
  note: string;
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

function ndjson(rows: readonly object[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}
