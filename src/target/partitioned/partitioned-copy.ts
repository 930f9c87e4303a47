import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { FileError } from '../../errors/file-error.ts';
import { SQLSTATE } from '../../errors/sqlstate.ts';
import { type BackendWatch, backendPid } from '../../store/backend-watch.ts';
import { commit } from '../../store/commit.ts';
import { closeAtOnce, connectClient, type DatabaseAddress } from '../../store/connection-options.ts';
import { onSession, type Queryable } from '../../store/query.ts';
import { completeDecision, recordDecision } from './commit-decision.ts';
import { type FileIdentity, isLockedBy, tryLockFile } from './file-identity.ts';
import { endBackends, hasBackends, holderName, partitionName } from './partition-backends.ts';
import { finishPrepared, gidOf, listPrepared, prepareTransaction } from './prepared-transaction.ts';
import { recoverFile } from './recover-file.ts';

/**
 * Two rows of one file may contradict each other in two backends, by a unique index besides the key, and the one would
 * wait for the other's transaction for ever. After 10 s the file is loaded through one backend instead.
 */
const BOUND_WAITS = "set local lock_timeout = '10s'";

/** How long the owner waits for the file's lock once its holder has ended, in ms. */
const RECOVERY_WAIT_MS = 30_000;

/**
 * The partitions of one attempt at a file: transactions beside the one that holds the file, its first partition. README.md
 * beside this file has the protocol. Their connections are made for the attempt and closed after it, never in a pool: what
 * is left in one that is lost cannot reach anybody else.
 */
export class PartitionedCopy {
  readonly clients: pg.Client[] = [];

  readonly #address: DatabaseAddress;
  readonly #file: FileIdentity;
  readonly #watch: BackendWatch;
  readonly #attempt = randomBytes(8).toString('hex');
  readonly #unwatch: (() => void)[] = [];

  constructor(address: DatabaseAddress, file: FileIdentity, watch: BackendWatch) {
    this.#address = address;
    this.#file = file;
    this.#watch = watch;
  }

  /**
   * Locks the file, until the end of the transaction.
   * @returns false while somebody resolves it, and while backends of an earlier attempt are there
   */
  async lock(holder: Queryable): Promise<boolean> {
    if (!(await tryLockFile(holder, this.#file)) || (await hasBackends(holder, this.#file.key))) return false;
    await holder.query(`select set_config('application_name', $1, true)`, [holderName(this.#file.key, this.#attempt)]);
    return true;
  }

  /**
   * Connects and begins `count` transactions. Their waits, and the holder's, are bounded.
   */
  async open(holder: pg.ClientBase, count: number): Promise<void> {
    await holder.query(BOUND_WAITS);
    const holderPid = await backendPid(holder);
    const name = partitionName(this.#file.key, this.#attempt);
    const options = { applicationName: name, toastCompression: 'lz4' } as const;
    const opened = await Promise.allSettled(
      Array.from({ length: count }, async () => {
        const client = await connectClient(this.#address, options);
        this.clients.push(client);
        this.#unwatch.push(await this.#watch.watch(client));
        await client.query(`begin; ${BOUND_WAITS}`);
        // From here on it is found by its name. One that comes when the holder has gone must not write.
        if (!(await isLockedBy(client, this.#file, holderPid))) throw notHeld();
      }),
    );
    for (const each of opened) if (each.status === 'rejected') throw each.reason;
  }

  /**
   * Writes the decision into the holder's transaction, then prepares all others.
   * @param counts what else the LoaderFile says once it is `done`
   */
  async prepare(holder: Queryable, loaded: number, counts: object = {}): Promise<void> {
    const decision = { attempt: this.#attempt, partitions: this.clients.length, loaded, counts };
    await recordDecision(holder, this.#file.id, decision);
    await Promise.all(this.clients.map((client, n) => prepareTransaction(client, gidOf(this.#file, this.#attempt, n))));
  }

  /**
   * Commits all; only after the holder's commit. Each in the session that prepared it: while that is alive, Postgres cannot
   * have taken the decision back. All rows are visible, and the file is `done`, when it resolves.
   */
  async commit(): Promise<void> {
    await Promise.all(
      this.clients.map((client, n) => finishPrepared(client, gidOf(this.#file, this.#attempt, n), 'commit')),
    );
    const [client] = this.clients;
    if (client === undefined) return;
    await client.query(`begin; ${BOUND_WAITS}`);
    await completeDecision(client, this.#file.id, this.#attempt);
    await commit(client);
  }

  /**
   * Undoes them, prepared or not, where the holder's transaction has not sent its commit, and will not with the decision.
   * @throws what keeps it from that; those who recover do it then
   */
  async undo(pool: pg.Pool): Promise<void> {
    this.close();
    await onSession(pool, async (session) => {
      await endBackends(session, partitionName(this.#file.key, this.#attempt));
      for (const { gid, attempt } of await listPrepared(session, this.#file.id)) {
        if (attempt === this.#attempt) await finishPrepared(session, gid, 'rollback');
      }
    });
  }

  /**
   * Brings the attempt to its end where it is not known whether the holder has committed, or not all partitions have.
   * @throws what keeps it from that; those who recover do it then
   */
  async recover(pool: pg.Pool): Promise<void> {
    this.close();
    await onSession(pool, async (session) => {
      // Should Postgres not know yet that its connection is lost, it would keep the file locked.
      await endBackends(session, holderName(this.#file.key, this.#attempt));
      await recoverFile(session, this.#file, RECOVERY_WAIT_MS);
    });
  }

  /** Closes all connections at once, whatever they are at. */
  close(): void {
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
    for (const client of this.clients.splice(0)) closeAtOnce(client);
  }
}

function notHeld(): FileError {
  const message = `${SQLSTATE.lockNotAvailable}: the session that holds the file was lost before its partitions were begun`;
  return new FileError(message, { source: 'postgres', code: SQLSTATE.lockNotAvailable, transient: true });
}
