import { z } from 'zod';
import { jsonbText } from '../jsonb-text.ts';
import { QUEUE } from '../loader-file/queue.ts';
import type { Queryable } from '../query.ts';

/** Who called, where that is known. */
export const callerSchema = z.object({
  /** The client that has signed in; absent where the server asks for no credentials. */
  user: z.string().optional(),
  /** Of the other end of the connection: the caller, or a proxy in front. */
  address: z.string().optional(),
  via: z.enum(['command-line', 'page', 'api']),
  /** What the caller's program calls itself. */
  agent: z.string().optional(),
});
export type Caller = z.infer<typeof callerSchema>;

/** What the record of a run says of a call. Never a key, a secret or a token. */
export interface CallRecord {
  caller: Caller;
  /** By the names that users know; those left out had their defaults. */
  params: Readonly<Record<string, unknown>>;
}

/** A call as it is recorded. */
export interface RunCall extends CallRecord {
  call: number;
  at: Date;
  newFiles: number;
}

/** Calls kept of each run: the first, and the latest. */
const CALLS_KEPT = 100;

/** Records a call, in the transaction that queues its files; the load that takes it up lists it in its run. */
export async function addRunCall(
  db: Queryable,
  bucket: string,
  call: bigint,
  { caller, params, newFiles }: CallRecord & { newFiles: number },
): Promise<void> {
  // It belongs to the run in progress, if there is one, unless that one ends before the call is taken up.
  const { rows } = await db.query<{ run: string | null }>(
    `insert into fhir_bucket_loader.load_run_call (bucket, call, caller, params, new_files, run)
     values ($1, $2, $3, $4, $5,
             (select max(run) from fhir_bucket_loader.load_run
               where queue = ${QUEUE} and bucket = $1 and ended_at is null))
     returning run`,
    [bucket, call.toString(), jsonbText(caller), jsonbText(params), newFiles],
  );
  await db.query(
    `delete from fhir_bucket_loader.load_run_call c
      where run = $1 and call <= $2::bigint - ${CALLS_KEPT - 1}
        and call > (select min(call) from fhir_bucket_loader.load_run_call first where first.run = c.run)`,
    [rows[0]?.run, call.toString()],
  );
}

const callsSchema = z.array(
  z
    .object({
      run: z.coerce.number(),
      call: z.coerce.number(),
      at: z.date(),
      caller: callerSchema,
      params: z.record(z.string(), z.unknown()),
      newFiles: z.number(),
    })
    .transform(({ run, ...call }): [number, RunCall] => [run, call]),
);

/** The calls of these runs in their order, by run; only the first of each and how many there were, unless `all`. */
export async function readRunCalls(
  db: Queryable,
  runs: readonly number[],
  all: boolean,
): Promise<ReadonlyMap<number, RunCall[]>> {
  const { rows } = await db.query(
    `select ${all ? '' : 'distinct on (run)'} run, call, called_at as at, caller, params, new_files as "newFiles"
       from fhir_bucket_loader.load_run_call where run = any ($1::bigint[]) order by run, call`,
    [runs],
  );
  const calls = Map.groupBy(callsSchema.parse(rows), ([run]) => run);
  return new Map([...calls].map(([run, list]) => [run, list.map(([, call]) => call)]));
}
