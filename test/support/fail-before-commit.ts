import type pg from 'pg';

/**
 * Has a statement fail before each `commit` of a connection, without its user's notice: Postgres then answers the commit with ROLLBACK,
 * as where something has swallowed an error.
 * @param when whether this commit is meant
 */
export function failBeforeCommit(client: pg.ClientBase, when: () => boolean): void {
  const send = client.query.bind(client);
  const fails = async () => {
    await send('select 1 / 0').catch(() => {});
    return await send('commit');
  };
  Object.assign(client, {
    query: (text: unknown, ...values: unknown[]) =>
      text === 'commit' && when() ? fails() : Reflect.apply(send, client, [text, ...values]),
  });
}
