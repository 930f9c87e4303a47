/** Transaction of one partition, as Postgres has it. */
export type Transaction = 'none' | 'open' | 'prepared' | 'committed' | 'rolled-back';

/**
 * The session of a partition. `stray`: its client has given it up, and Postgres does not know yet; `silent`: it never will
 * by itself, since something on the way keeps the connection; `pooled`: it went back to a pool as it was.
 */
export type Session = 'none' | 'live' | 'stray' | 'silent' | 'pooled' | 'gone';

export interface Partition {
  transaction: Transaction;
  session: Session;
  /** A PREPARE is on its way to Postgres, and nobody will hear the answer. */
  late: boolean;
}

/** The transaction that holds the file: the first partition's rows, the locks, the decision. */
export interface Holder {
  transaction: 'none' | 'open' | 'decided' | 'committed' | 'rolled-back';
  /** Whether the owner still has the connection; without it, Postgres will notice. */
  connected: boolean;
  /** A COMMIT is on its way to Postgres, and nobody will hear the answer. */
  late: boolean;
  /** Whether the commit would outlive a crash of Postgres. */
  durable: boolean;
}

export type OwnerStep =
  | 'idle'
  | 'fence'
  | 'resolve'
  | 'open'
  | 'copy'
  | 'decide'
  | 'prepare'
  | 'commit'
  | 'commit-prepared'
  | 'complete'
  | 'undo'
  | 'unsure'
  | 'dead';

export interface Attempt {
  owner: OwnerStep;
  holder: Holder;
  partitions: Partition[];
  /** Which LoaderFile of that id it loads: a deleted one may be queued again. */
  generation: number;
}

/** Resolves what others have left: any replica, on its own connection. */
export interface Resolver {
  step: 'idle' | 'locked' | 'decided' | 'undecided' | 'complete';
  attempt: number;
}

export interface FileState {
  /** The LoaderFile, which clients may delete. */
  status: 'absent' | 'pending' | 'in-progress' | 'done' | 'error';
  generation: number;
  /** Who holds the row lock of the LoaderFile: an attempt. */
  rowLock: number;
  /** Who holds the file's advisory lock: an attempt, or the resolver (9). */
  fileLock: number;
  /** The decisions that are committed, by attempt. */
  decisions: boolean[];
  attempts: Attempt[];
  resolver: Resolver;
  /** Faults that may still happen. */
  faults: number;
  /** Whether the client may still delete the LoaderFile. */
  mayDelete: boolean;
}

export const NOBODY = -1;
export const RESOLVER = 9;

export function newAttempt(): Attempt {
  const partition = (): Partition => ({ transaction: 'none', session: 'none', late: false });
  return {
    owner: 'idle',
    holder: { transaction: 'none', connected: false, late: false, durable: false },
    partitions: [partition(), partition()],
    generation: 0,
  };
}

export function startState(faults: number): FileState {
  return {
    status: 'pending',
    generation: 0,
    rowLock: NOBODY,
    fileLock: NOBODY,
    decisions: [false, false],
    attempts: [newAttempt(), newAttempt()],
    resolver: { step: 'idle', attempt: NOBODY },
    faults,
    mayDelete: true,
  };
}

/** A copy to change; `structuredClone` takes ten times as long. */
export function copyOf(state: FileState): FileState {
  return {
    ...state,
    decisions: [...state.decisions],
    resolver: { ...state.resolver },
    attempts: state.attempts.map((attempt) => ({
      ...attempt,
      holder: { ...attempt.holder },
      partitions: attempt.partitions.map((partition) => ({ ...partition })),
    })),
  };
}
