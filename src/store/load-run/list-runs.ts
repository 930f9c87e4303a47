import { z } from 'zod';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';
import { OUTCOMES } from './end-run.ts';
import { FIGURES, figuresSchema, LACKS_INDEXES, LAST_SEEN } from './run-figures.ts';
import { heldRuns } from './run-lock.ts';

const runSchema = z.object({
  run: z.coerce.number(),
  bucket: z.string(),
  startedAt: z.date(),
  /** Null while it is in progress. */
  endedAt: z.date().nullable(),
  /** When the replicas of a run that nobody has ended were last heard of. */
  lastSeen: z.date(),
  /** Whether indexes that it has dropped are not back, of a run that nobody has ended. */
  lacksIndexes: z.boolean(),
  outcome: z.enum(OUTCOMES).nullable(),
  reason: z.string().nullable(),
  replicas: z.number(),
  figures: figuresSchema,
  sampleSeconds: z.number(),
  /** Calls that were taken up, those included that are not kept. */
  calls: z.coerce.number(),
  now: z.date(),
});

/** A run, and whether somebody works in it while it has not ended. */
export type StoredRun = z.infer<typeof runSchema> & { held: boolean };

export interface RunQuery {
  /** Of this bucket; undefined: of all. */
  bucket?: string | undefined;
  /** With this number. */
  run?: number | undefined;
  /** With a lower number than this. */
  before?: number | undefined;
  limit: number;
}

/** Runs, the latest first. Those in progress have the figures of now. */
export async function listRuns(db: Queryable, query: RunQuery): Promise<StoredRun[]> {
  const seen = await readRuns(db, query);
  const held = await heldRuns(
    db,
    seen.filter(({ endedAt }) => endedAt === null).map(({ run }) => run),
  );
  const isLeft = ({ run, endedAt }: { run: number; endedAt: Date | null }) => endedAt === null && !held.has(run);
  const left = new Set(seen.filter(isLeft).map(({ run }) => run));
  // One that ended between the two looks is not one whose replicas died.
  const runs = left.size === 0 ? seen : await readRuns(db, query);
  return runs.map((each) => ({ ...each, held: !left.has(each.run) }));
}

async function readRuns(db: Queryable, { bucket, run, before, limit }: RunQuery): Promise<z.infer<typeof runSchema>[]> {
  const { rows } = await db.query(
    `select run, bucket, started_at as "startedAt", ended_at as "endedAt", outcome, reason, replicas,
            sample_seconds as "sampleSeconds", clock_timestamp() as now,
            case when ended_at is null then ${LAST_SEEN} else ended_at end as "lastSeen",
            ended_at is null and ${LACKS_INDEXES} as "lacksIndexes",
            case when figures is null then ${FIGURES} else figures end as figures,
            (select coalesce(max(call) - min(call) + 1, 0) from fhir_bucket_loader.load_run_call c
              where c.run = r.run) as calls
       from fhir_bucket_loader.load_run r
      where queue = ${QUEUE} and ($1::text is null or bucket = $1) and ($2::bigint is null or run = $2)
        and ($3::bigint is null or run < $3)
      order by run desc limit $4`,
    [bucket ?? null, run ?? null, before ?? null, limit],
  );
  return z.array(runSchema).parse(rows);
}
