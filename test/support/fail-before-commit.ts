import type pg from 'pg';

/** What comes before a `commit`, without its user's notice, in SQL. */
const BEFORE = {
  /** A statement fails: Postgres then answers the commit with ROLLBACK, as where something has swallowed an error. */
  fails: 'select 1 / 0',
  /** The connection is lost. */
  'is lost': 'select pg_terminate_backend(pg_backend_pid())',
};

/**
 * Keeps commits of a connection from what they ask for.
 * @param when what comes before this commit; undefined: nothing
 */
export function failBeforeCommit(client: pg.ClientBase, when: () => keyof typeof BEFORE | undefined): void {
  const send = client.query.bind(client);
  const afterThat = async (before: string) => {
    await send(before).catch(() => {});
    return await send('commit');
  };
  Object.assign(client, {
    query: (text: unknown, ...values: unknown[]) => {
      const what = text === 'commit' ? when() : undefined;
      return what === undefined ? Reflect.apply(send, client, [text, ...values]) : afterThat(BEFORE[what]);
    },
  });
}
