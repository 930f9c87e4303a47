import { lockedOf, lockKey } from '../advisory-lock.ts';
import { QUEUE } from '../loader-file/queue.ts';
import { boundStatement } from '../lock-waits.ts';
import type { Queryable } from '../query.ts';
import { Statements } from '../statement.ts';

/** "A replica works in this run." Held on the load's session. */
const RUN = lockKey(`'run ' || $1::text`);

/** How long a step of a run waits for the one of another replica, in ms. */
const TURN_WAIT_MS = 20_000;

/** Waits for the turn among those that begin, join or end runs of a bucket; it ends with the transaction. */
export async function takeRunTurn(db: Queryable, bucket: string): Promise<void> {
  const statements = new Statements();
  statements.add(boundStatement(TURN_WAIT_MS));
  statements.add({
    text: `select pg_advisory_xact_lock(${lockKey(`'runs of ' || ${QUEUE} || ' ' || $1::text`)})`,
    values: [bucket],
    read: () => {},
  });
  await statements.send(db);
}

/** Says that this session works in the run, until it ends or `leaveRun`. */
export async function holdRun(session: Queryable, run: number): Promise<void> {
  await session.query(`select pg_advisory_lock_shared(${RUN})`, [`${run}`]);
}

/** Withdraws that. */
export async function releaseRun(session: Queryable, run: number): Promise<void> {
  await session.query(`select pg_advisory_unlock_shared(${RUN})`, [`${run}`]);
}

/** Those of these runs that any session works in. */
export async function heldRuns(db: Queryable, runs: readonly number[]): Promise<ReadonlySet<number>> {
  if (runs.length === 0) return new Set();
  return new Set([...(await lockedOf(db, RUN, runs.map(String)))].map(Number));
}
