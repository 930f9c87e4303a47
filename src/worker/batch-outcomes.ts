import type pg from 'pg';
import type { Failure } from '../errors/failure.ts';
import { deleteLoaderErrors } from '../store/loader-error.ts';
import { markAllDone, markAllPending } from '../store/loader-file/finish-loader-file.ts';
import type { FileOutcome } from './file-task.ts';
import type { WholeFile } from './read-whole.ts';

/** What becomes of the files of a batch, by LoaderFile id. A file that nothing is said of is to be loaded by itself. */
export class BatchOutcomes {
  readonly #outcomes = new Map<string, FileOutcome>();
  /** What goes back to the queue, and why. */
  readonly #pending = new Map<string, string | undefined>();
  /** Rows of what is stored. */
  readonly #stored = new Map<string, number>();

  /** Of each id, in their order. */
  of(ids: readonly string[]): (FileOutcome | 'alone')[] {
    return ids.map((id) => this.#outcomes.get(id) ?? 'alone');
  }

  /** Somebody else has the file. */
  lost(id: string): void {
    this.#outcomes.set(id, { kind: 'lost' });
  }

  /** Its turn had not come when the batch ended. */
  stopped(id: string): void {
    this.#pending.set(id, undefined);
    this.#outcomes.set(id, { kind: 'stopped' });
  }

  /** The source could not deliver it for the time being. */
  retry(id: string, failure: Failure): void {
    this.#pending.set(id, failure.message);
    this.#outcomes.set(id, { kind: 'retry', failure });
  }

  /** Its rows are written. */
  stored({ id, encoded, figures }: WholeFile, times: { postgresMs: number; totalMs: number }): void {
    this.#stored.set(id, encoded.rows);
    this.#outcomes.set(id, { kind: 'done', figures: { ...figures, ...times } });
  }

  /** Marks the LoaderFiles of what is stored, and of what goes back to the queue. */
  async mark(client: pg.PoolClient): Promise<void> {
    await markAllDone(client, this.#stored);
    await deleteLoaderErrors(client, [...this.#stored.keys()]);
    await markAllPending(client, this.#pending);
  }

  /** None of these has been loaded: all go back to the queue; stopped, or for a reason. */
  async giveBack(client: pg.PoolClient, ids: readonly string[], reason: 'stopped' | Failure): Promise<void> {
    this.forget(ids);
    const message = reason === 'stopped' ? undefined : reason.message;
    await markAllPending(client, new Map(ids.map((id) => [id, message])));
    if (reason === 'stopped') for (const id of ids) this.#outcomes.set(id, { kind: 'stopped' });
  }

  /** What was said of these has been rolled back. */
  forget(ids: readonly string[]): void {
    for (const id of ids) this.#outcomes.delete(id);
  }
}
