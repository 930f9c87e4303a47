/**
 * A connection to Postgres was accepted, and the first statement on it had no answer in time. So does a pooler (PgBouncer in session
 * mode) whose connections to Postgres are all taken: it lets a client in, and has its first statement wait for one.
 */
export class NoFirstAnswer extends Error {
  override readonly name = 'NoFirstAnswer';

  /** @param ms how long it waited */
  constructor(ms: number) {
    super(
      `the connection was accepted, and its first statement had no answer within ${ms / 1000} s: a pooler has no connection to ` +
        "Postgres free (raise PgBouncer's default_pool_size), or Postgres hangs",
    );
  }
}
