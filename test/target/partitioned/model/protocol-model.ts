import type { Model, Move } from './explore.ts';
import {
  type Attempt,
  copyOf,
  type FileState,
  NOBODY,
  newAttempt,
  type Partition,
  RESOLVER,
  startState,
} from './state.ts';

/** The rules of the protocol; each may be left out, to see that it is needed. */
export interface Rules {
  /** A partition's connection is closed, never given back to a pool with its transaction. */
  closesConnections: boolean;
  /** The decision stands where no client deletes it, and outlives the LoaderFile. */
  keepsDecision: boolean;
  /** An attempt resolves what earlier ones have prepared, before it writes a row. */
  resolvesFirst: boolean;
  /** An attempt ends the backends of earlier ones before that. */
  fencesFirst: boolean;
  /** Who waits for rows gives up after a while, and its locks with that. */
  boundsWaits: boolean;
  /** All partitions are prepared before the decision. */
  preparesBeforeDecision: boolean;
  /** The resolver holds the file's lock, so that no attempt is running. */
  resolvesUnderLock: boolean;
  /** The owner commits a partition in the session that prepared it: where that is alive, Postgres has lost nothing since. */
  commitsInItsSession: boolean;
}

/** What may happen besides. */
export interface Faults {
  /** How many in one run. */
  most: number;
  /** Whether something on the way may keep the connection of a client that is gone, so that Postgres never notices. */
  silentLosses: boolean;
}

export const ALL_RULES: Rules = {
  closesConnections: true,
  keepsDecision: true,
  resolvesFirst: true,
  fencesFirst: true,
  boundsWaits: true,
  preparesBeforeDecision: true,
  resolvesUnderLock: true,
  commitsInItsSession: true,
};

/** One file, two attempts at a time (a slot is used again), two partitions besides the holder's, one who resolves. */
export function protocolModel(rules: Rules, faults: Faults): Model<FileState> {
  return {
    start: startState(faults.most),
    moves: (state) => new Moves(state, rules, faults.silentLosses).all(),
    broken,
    isEnd,
  };
}

function isEnd({ status, rowLock, fileLock, decisions, attempts, resolver }: FileState): boolean {
  const free = rowLock === NOBODY && fileLock === NOBODY && resolver.step === 'idle' && !decisions.includes(true);
  const isOver = ({ owner, holder, partitions }: Attempt) =>
    ['idle', 'dead'].includes(owner) &&
    !['open', 'decided'].includes(holder.transaction) &&
    partitions.every(({ transaction }) => transaction !== 'open' && transaction !== 'prepared');
  return free && ['done', 'absent'].includes(status) && attempts.every(isOver);
}

/** The promises that a state breaks. */
function broken({ status, attempts }: FileState): string[] {
  const promises: string[] = [];
  for (const { holder, partitions } of attempts) {
    const parts = [holder.transaction, ...partitions.map(({ transaction }) => transaction)];
    if (parts.includes('committed') && parts.includes('rolled-back')) {
      promises.push('some rows of a file are in, others never');
    }
  }
  const [one, two] = attempts;
  const twice = one !== undefined && two !== undefined && hasRows(one) && hasRows(two);
  if (twice && one.generation === two.generation) promises.push('a file is loaded twice');
  if (status === 'error') promises.push('a good file has failed');
  return promises;
}

function hasRows({ holder, partitions }: Attempt): boolean {
  return holder.transaction === 'committed' || partitions.some(({ transaction }) => transaction === 'committed');
}

/** All ways on from one state. */
class Moves {
  readonly #state: FileState;
  readonly #rules: Rules;
  readonly #silentLosses: boolean;
  readonly #moves: Move<FileState>[] = [];

  constructor(state: FileState, rules: Rules, silentLosses: boolean) {
    this.#state = state;
    this.#rules = rules;
    this.#silentLosses = silentLosses;
  }

  all(): Move<FileState>[] {
    for (const n of this.#state.attempts.keys()) {
      this.#ownerMoves(n);
      this.#postgresMoves(n);
      if (this.#state.faults > 0) this.#faults(n);
    }
    this.#resolverMoves();
    this.#clientMoves();
    if (this.#state.faults > 0) this.#crashOfPostgres();
    return this.#moves;
  }

  #attempt(n: number, state: FileState = this.#state): Attempt {
    const attempt = state.attempts[n];
    if (attempt === undefined) throw new Error('there is no such attempt');
    return attempt;
  }

  /** Adds a move; `change` gets a copy of the state. */
  #move(name: string, change: (state: FileState, attempt: Attempt) => void, n = 0, fault = false): void {
    const to = copyOf(this.#state);
    change(to, this.#attempt(n, to));
    if (fault) to.faults--;
    this.#moves.push({ name, to, fault });
  }

  #ownerMoves(n: number): void {
    const { owner, holder, partitions } = this.#attempt(n);
    const { status, rowLock, fileLock, decisions } = this.#state;
    const name = `attempt ${n}`;
    // Without its connection nothing goes on; what comes after the decision does not need it.
    if (!holder.connected && ['fence', 'resolve', 'open', 'copy', 'decide', 'prepare', 'undo'].includes(owner)) {
      this.#move(`${name} sees that its connection is lost`, (state, attempt) => this.#giveUp(state, attempt), n);
      return;
    }
    switch (owner) {
      case 'idle': {
        const isFree = rowLock === NOBODY && fileLock === NOBODY && !decisions.includes(true);
        if (!['pending', 'in-progress'].includes(status) || !isFree || !this.#isReusable(n)) return;
        this.#move(`${name} locks the file`, (state) => this.#begin(state, n), n);
        return;
      }
      case 'fence':
        this.#move(
          `${name} ends the backends of others`,
          (state, attempt) => {
            if (this.#rules.fencesFirst)
              for (const other of othersOf(state, n)) for (const each of other.partitions) endSession(each);
            attempt.owner = 'resolve';
          },
          n,
        );
        return;
      case 'resolve':
        this.#move(
          `${name} resolves what others prepared`,
          (state, attempt) => {
            if (this.#rules.resolvesFirst) for (const other of othersOf(state, n)) rollBackPrepared(other);
            attempt.owner = 'open';
          },
          n,
        );
        return;
      case 'open':
        this.#move(
          `${name} opens its partitions`,
          (_state, attempt) => {
            for (const each of attempt.partitions)
              Object.assign(each, { transaction: 'open', session: 'live', late: false });
            attempt.owner = 'copy';
          },
          n,
        );
        return;
      case 'copy': {
        const waits = othersOf(this.#state, n).some(({ partitions: theirs }) =>
          theirs.some(({ transaction }) => transaction === 'open' || transaction === 'prepared'),
        );
        if (!waits) {
          const next = this.#rules.preparesBeforeDecision ? 'decide' : 'commit';
          this.#move(
            `${name} copies its rows`,
            (_state, attempt) => {
              attempt.owner = next;
            },
            n,
          );
        } else if (this.#rules.boundsWaits) {
          this.#move(
            `${name} has waited too long`,
            (_state, attempt) => {
              attempt.owner = 'undo';
            },
            n,
          );
        }
        return;
      }
      case 'decide':
        this.#move(
          `${name} writes the decision`,
          (_state, attempt) => {
            attempt.holder.transaction = 'decided';
            attempt.owner = 'prepare';
          },
          n,
        );
        return;
      case 'prepare':
        this.#prepareMoves(n, partitions, name);
        return;
      case 'commit':
        if (!holder.connected) {
          this.#move(`${name} never sent its commit`, (state, attempt) => this.#giveUp(state, attempt), n);
          return;
        }
        this.#move(
          `${name} commits the decision`,
          (state, attempt) => {
            commitHolder(state, n);
            attempt.owner = 'commit-prepared';
          },
          n,
        );
        if (this.#state.faults > 0) {
          for (const arrives of ['now', 'late'] as const) {
            this.#move(
              `${name} loses the answer to its commit, which arrives ${arrives}`,
              (state, attempt) => {
                attempt.holder.connected = false;
                attempt.owner = 'unsure';
                if (arrives === 'now') commitHolder(state, n);
                else attempt.holder.late = true;
              },
              n,
              true,
            );
          }
        }
        return;
      case 'unsure':
        // Those who resolve find out; the owner closes its connections and lets them.
        this.#move(`${name} leaves it to those who resolve`, (state, attempt) => this.#giveUp(state, attempt), n);
        return;
      case 'commit-prepared': {
        const next = partitions.findIndex(({ transaction }) => transaction === 'prepared' || transaction === 'open');
        if (next !== -1 && partitions[next]?.session !== 'live' && this.#rules.commitsInItsSession) {
          this.#move(
            `${name} leaves its partitions to those who resolve`,
            (state, attempt) => this.#giveUp(state, attempt),
            n,
          );
        } else if (next !== -1) {
          this.#move(
            `${name} commits partition ${next}`,
            (_state, attempt) => {
              const partition = attempt.partitions[next];
              if (partition !== undefined) partition.transaction = 'committed';
              attempt.holder.durable = true;
            },
            n,
          );
        } else
          this.#move(
            `${name} has committed all`,
            (_state, attempt) => {
              attempt.owner = 'complete';
            },
            n,
          );
        return;
      }
      case 'complete':
        this.#move(
          `${name} marks the file done`,
          (state, attempt) => {
            complete(state, n);
            for (const each of attempt.partitions) each.session = 'gone';
            attempt.owner = 'idle';
          },
          n,
        );
        return;
      case 'undo':
        this.#move(
          `${name} undoes its rows`,
          (state, attempt) => {
            for (const each of attempt.partitions) endSession(each);
            rollBackPrepared(attempt);
            attempt.holder.transaction = 'rolled-back';
            attempt.holder.connected = false;
            release(state, n);
            if (state.status === 'in-progress') state.status = 'pending';
            attempt.owner = 'idle';
          },
          n,
        );
        return;
      case 'dead':
        // Another replica takes its place.
        if (this.#isReusable(n))
          this.#move(
            `attempt ${n} is another replica's to make`,
            (_state, attempt) => {
              attempt.owner = 'idle';
            },
            n,
          );
    }
  }

  #prepareMoves(n: number, partitions: readonly Partition[], name: string): void {
    if (partitions.some(({ session, transaction }) => session !== 'live' && transaction !== 'prepared')) {
      this.#move(
        `${name} sees that a partition is lost`,
        (_state, attempt) => {
          attempt.owner = 'undo';
        },
        n,
      );
      return;
    }
    const next = partitions.findIndex(({ transaction }) => transaction === 'open');
    if (next === -1) {
      this.#move(
        `${name} has prepared all`,
        (_state, attempt) => {
          attempt.owner = 'commit';
        },
        n,
      );
      return;
    }
    const change = (what: Partial<Partition>) => (_state: FileState, attempt: Attempt) => {
      const partition = attempt.partitions[next];
      if (partition !== undefined) Object.assign(partition, what);
    };
    this.#move(`${name} prepares partition ${next}`, change({ transaction: 'prepared' }), n);
    if (this.#state.faults === 0) return;
    this.#move(
      `${name} loses partition ${next}, whose PREPARE arrives late`,
      change({ session: 'stray', late: true }),
      n,
      true,
    );
    if (this.#silentLosses)
      this.#move(`${name} loses partition ${next}, silently`, change({ session: 'silent' }), n, true);
    this.#move(
      `${name} loses the answer to PREPARE of partition ${next}`,
      (state, attempt) => {
        change({ transaction: 'prepared', session: 'stray' })(state, attempt);
        attempt.owner = 'undo';
      },
      n,
      true,
    );
  }

  /** What Postgres does by itself: it notices ends of connections, in their order with what was sent on them before. */
  #postgresMoves(n: number): void {
    const { holder, partitions } = this.#attempt(n);
    if (!holder.connected && ['open', 'decided'].includes(holder.transaction)) {
      if (holder.late) this.#move(`the commit of attempt ${n} arrives`, (state) => commitHolder(state, n), n);
      this.#move(
        `Postgres notices that the holder of attempt ${n} is gone`,
        (state, attempt) => {
          attempt.holder.transaction = 'rolled-back';
          attempt.holder.late = false;
          release(state, n);
        },
        n,
      );
    }
    for (const [p, { session, transaction, late }] of partitions.entries()) {
      if (session === 'pooled') this.#pooledMoves(n, p, transaction);
      if (late && session === 'stray' && transaction === 'open') {
        this.#move(
          `PREPARE of attempt ${n}, partition ${p} arrives late`,
          (_state, attempt) => {
            const partition = attempt.partitions[p];
            if (partition !== undefined) Object.assign(partition, { transaction: 'prepared', late: false });
          },
          n,
        );
      }
      if (session === 'stray') {
        this.#move(
          `Postgres notices that attempt ${n}, partition ${p} is gone`,
          (_state, attempt) => {
            const partition = attempt.partitions[p];
            if (partition !== undefined) endSession(partition);
          },
          n,
        );
      }
    }
  }

  /** The next user of a connection that has come back with a transaction. */
  #pooledMoves(n: number, p: number, transaction: Partition['transaction']): void {
    const set = (what: Partial<Partition>) => (_state: FileState, attempt: Attempt) => {
      const partition = attempt.partitions[p];
      if (partition !== undefined) Object.assign(partition, what);
    };
    if (transaction === 'open') {
      this.#move(
        `a pool's next user commits attempt ${n}, partition ${p}`,
        set({ transaction: 'committed', session: 'gone' }),
        n,
      );
    } else if (transaction === 'rolled-back') {
      this.#move(
        `a pool's next user meets the aborted transaction of attempt ${n}, partition ${p}`,
        (state, attempt) => {
          set({ session: 'gone' })(state, attempt);
          if (state.status === 'in-progress' || state.status === 'pending') state.status = 'error';
        },
        n,
      );
    }
  }

  #resolverMoves(): void {
    const { resolver, fileLock, rowLock, attempts, decisions } = this.#state;
    const prepared = (n: number) =>
      this.#attempt(n).partitions.findIndex(({ transaction }) => transaction === 'prepared');
    switch (resolver.step) {
      case 'idle':
        for (const n of attempts.keys()) {
          if (prepared(n) === -1 && decisions[n] !== true && !this.#hasStrays(n)) continue;
          if (this.#rules.resolvesUnderLock && fileLock !== NOBODY) continue;
          // Where the LoaderFile's own lock is the right to resolve.
          if (!this.#rules.keepsDecision && rowLock !== NOBODY) continue;
          this.#move(`a replica begins to resolve attempt ${n}`, (state) => {
            if (this.#rules.resolvesUnderLock) state.fileLock = RESOLVER;
            state.resolver = { step: 'locked', attempt: n };
          });
        }
        return;
      case 'locked': {
        const isDecided = decisions[resolver.attempt] === true;
        this.#move(`it reads that attempt ${resolver.attempt} is ${isDecided ? '' : 'not '}decided`, (state) => {
          state.resolver.step = isDecided ? 'decided' : 'undecided';
        });
        return;
      }
      case 'decided': {
        const next = prepared(resolver.attempt);
        this.#move(
          next === -1 ? 'it has committed all' : `it commits partition ${next}`,
          (state, attempt) => {
            const partition = attempt.partitions[next];
            if (partition === undefined) state.resolver.step = 'complete';
            else partition.transaction = 'committed';
            attempt.holder.durable ||= partition !== undefined;
          },
          resolver.attempt,
        );
        return;
      }
      case 'complete':
        this.#move('it marks the file done', (state) => {
          complete(state, resolver.attempt);
          this.#endResolving(state);
        });
        return;
      case 'undecided':
        this.#move(
          'it rolls back what is prepared, and ends stray backends',
          (state, attempt) => {
            rollBackPrepared(attempt);
            if (this.#rules.fencesFirst && !['open', 'decided'].includes(attempt.holder.transaction)) {
              for (const each of attempt.partitions) if (each.transaction === 'open') endSession(each);
            }
            this.#endResolving(state);
          },
          resolver.attempt,
        );
    }
  }

  #endResolving(state: FileState): void {
    if (state.fileLock === RESOLVER) state.fileLock = NOBODY;
    state.resolver = { step: 'idle', attempt: NOBODY };
  }

  /** Whether an attempt without a holder has backends left; they are found by their names. */
  #hasStrays(n: number): boolean {
    const { holder, partitions } = this.#attempt(n);
    if (['open', 'decided'].includes(holder.transaction)) return false;
    return (
      this.#rules.fencesFirst &&
      partitions.some(({ transaction, session }) => transaction === 'open' && session !== 'pooled')
    );
  }

  #clientMoves(): void {
    const { status, rowLock, mayDelete } = this.#state;
    if (mayDelete && status !== 'absent' && rowLock === NOBODY) {
      this.#move(
        'somebody deletes the LoaderFile',
        (state) => {
          state.status = 'absent';
          state.mayDelete = false;
          if (!this.#rules.keepsDecision) state.decisions = [false, false];
        },
        0,
        false,
      );
    }
    if (status === 'absent') {
      this.#move('a call queues the file again', (state) => {
        // Its rows, if they are in, contradict the ones there: an honest error, and no part of this model.
        if (state.attempts.some(({ holder }) => holder.transaction === 'committed')) return;
        state.status = 'pending';
        state.generation++;
      });
    }
  }

  #faults(n: number): void {
    const { owner, holder, partitions } = this.#attempt(n);
    if (!['idle', 'dead'].includes(owner)) {
      this.#move(
        `the owner of attempt ${n} is killed`,
        (_state, attempt) => {
          attempt.owner = 'dead';
          attempt.holder.connected = false;
          for (const each of attempt.partitions) if (each.session === 'live') each.session = 'stray';
        },
        n,
        true,
      );
      const next = partitions.findIndex(({ transaction }) => transaction === 'open');
      if (owner === 'prepare' && next !== -1) {
        this.#move(
          `the owner of attempt ${n} is killed as it prepares partition ${next}`,
          (_state, attempt) => {
            attempt.owner = 'dead';
            attempt.holder.connected = false;
            for (const [p, each] of attempt.partitions.entries()) {
              if (each.session === 'live') Object.assign(each, { session: 'stray', late: p === next });
            }
          },
          n,
          true,
        );
      }
    }
    if (holder.connected)
      this.#move(
        `the holder's connection of attempt ${n} is cut`,
        (_state, attempt) => {
          attempt.holder.connected = false;
        },
        n,
        true,
      );
  }

  /** All sessions end; a commit that was not on disk yet may be lost. */
  #crashOfPostgres(): void {
    for (const keepsLazy of [true, false]) {
      this.#move(
        `Postgres crashes${keepsLazy ? '' : ', and what was not on disk is lost'}`,
        (state) => {
          state.rowLock = NOBODY;
          state.fileLock = NOBODY;
          state.resolver = { step: 'idle', attempt: NOBODY };
          for (const [n, attempt] of state.attempts.entries()) {
            const { holder } = attempt;
            for (const each of attempt.partitions) {
              each.late = false;
              endSession(each);
            }
            holder.connected = false;
            holder.late = false;
            if (['open', 'decided'].includes(holder.transaction)) holder.transaction = 'rolled-back';
            if (holder.transaction === 'committed' && !holder.durable && !keepsLazy) {
              holder.transaction = 'rolled-back';
              state.decisions[n] = false;
              // Its owner had been told that it was committed.
            }
          }
        },
        0,
        true,
      );
    }
  }

  #begin(state: FileState, n: number): void {
    state.attempts[n] = { ...newAttempt(), owner: 'fence', generation: state.generation };
    this.#attempt(n, state).holder = { transaction: 'open', connected: true, late: false, durable: false };
    state.rowLock = n;
    state.fileLock = n;
    state.status = 'in-progress';
  }

  /** An owner that has lost its holder's connection. */
  #giveUp(_state: FileState, attempt: Attempt): void {
    attempt.holder.connected = false;
    for (const each of attempt.partitions) {
      if (each.session !== 'live' && each.session !== 'gone') continue;
      if (this.#rules.closesConnections) endSession(each);
      else if (each.transaction === 'open' || each.transaction === 'rolled-back') each.session = 'pooled';
    }
    attempt.owner = 'idle';
  }

  /** Whether an attempt has left nothing, so that its place can be used for the next one. */
  #isReusable(n: number): boolean {
    const { holder, partitions } = this.#attempt(n);
    const isOver = holder.transaction === 'none' || holder.transaction === 'rolled-back';
    return (
      isOver &&
      partitions.every((each) => ['none', 'rolled-back'].includes(each.transaction) && each.session !== 'pooled')
    );
  }
}

function othersOf(state: FileState, n: number): Attempt[] {
  return state.attempts.filter((_, other) => other !== n);
}

/** The backend ends, and with it a transaction that is not prepared. */
function endSession(partition: Partition): void {
  if (partition.session === 'none') return;
  partition.session = 'gone';
  partition.late = false;
  if (partition.transaction === 'open') partition.transaction = 'rolled-back';
}

function rollBackPrepared(attempt: Attempt): void {
  for (const each of attempt.partitions) if (each.transaction === 'prepared') each.transaction = 'rolled-back';
}

function commitHolder(state: FileState, n: number): void {
  const holder = state.attempts[n]?.holder;
  if (holder === undefined) return;
  holder.transaction = 'committed';
  holder.late = false;
  state.decisions[n] = true;
  release(state, n);
}

function release(state: FileState, n: number): void {
  if (state.rowLock === n) state.rowLock = NOBODY;
  if (state.fileLock === n) state.fileLock = NOBODY;
}

/** The decision goes, and the LoaderFile that it was made for, if it is still there, is done. */
function complete(state: FileState, n: number): void {
  state.decisions[n] = false;
  if (state.status !== 'absent' && state.generation === state.attempts[n]?.generation) state.status = 'done';
}
