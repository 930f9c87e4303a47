import type { Closing } from './test-server.ts';

/** Ends parts in the opposite order: a later one may use an earlier one until it has ended. `after` runs in order. */
export function lastFirst(t: Closing): Closing {
  const closing: (() => Promise<void>)[] = [];
  t.after(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  return { after: (close) => closing.push(close) };
}
