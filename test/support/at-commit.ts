import type pg from 'pg';

/** What happens at a commit; its user gets what this returns or throws. `carryOut` has Postgres carry it out. */
export type AtCommit = (carryOut: () => Promise<pg.QueryResult>, client: pg.ClientBase) => Promise<pg.QueryResult>;

/**
 * Has something happen at each `commit` of a connection, without its user's notice.
 * @param meant what happens at this one; undefined where nothing does
 */
export function atCommit(client: pg.ClientBase, meant: () => AtCommit | undefined): void {
  const send = client.query.bind(client);
  Object.assign(client, {
    query: (text: unknown, ...values: unknown[]) => {
      const instead = text === 'commit' ? meant() : undefined;
      return instead === undefined
        ? Reflect.apply(send, client, [text, ...values])
        : instead(() => send('commit'), client);
    },
  });
}

/** A statement has failed before, as where something has swallowed an error: Postgres answers the commit with ROLLBACK. */
export const failBefore: AtCommit = after('select 1 / 0');

/** The connection is lost before. */
export const loseBefore: AtCommit = after('select pg_terminate_backend(pg_backend_pid())');

function after(statement: string): AtCommit {
  return async (carryOut, client) => {
    await client.query(statement).catch(() => {});
    return await carryOut();
  };
}
