import assert from 'node:assert/strict';
import { waitingStageOf } from '../../src/fhir/reference-order.ts';
import { isRetried, type LoadEffect } from '../../src/load/load-effect.ts';
import type { LoadEvent } from '../../src/load/load-event.ts';
import { initialState, type LoadState } from '../../src/load/load-model.ts';
import type { NumberedRequest } from '../../src/load/load-request.ts';
import { next } from '../../src/load/load-state.ts';
import { FileList } from '../../src/store/loader-file/file-list.ts';
import type { FileOutcome } from '../../src/worker/file-task.ts';
import { FIGURES, failureOf } from './outcomes.ts';
import { requestOf } from './request-of.ts';

/** Numbers in [0, 1), always the same for a seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const BUCKET = 's3://simulated';
const TYPES = ['Patient', 'Observation', 'Goal', 'Organization'];
const RETRIES = ['57P01', '53300', '53100', '40P01'];

interface SimulatedFile {
  id: string;
  type: string;
  status: 'pending' | 'in-progress' | 'done' | 'error';
  isLoading: boolean;
}

/**
 * One load among a database, a queue and workers that are simulated: effects are answered in any order, with any result,
 * while calls, cancels, losses and ends come at any time. Each step checks what must always hold.
 */
export class LoadSimulation {
  /** Phases passed, as `from → to (reason)`. */
  readonly transitions = new Set<string>();
  readonly files: SimulatedFile[];
  state: LoadState;

  readonly #random: () => number;
  readonly #resolveReferences: boolean;
  readonly #disableIndexes: boolean;
  /** Types whose indexes are dropped, and not being restored. */
  readonly #heldOff = new Set<string>();
  /** Types whose tables could not be made at some time: nobody waits for their files. */
  readonly #unusable = new Set<string>();
  #effects: LoadEffect[] = [{ kind: 'join' }];
  #timers: Extract<LoadEffect, { kind: 'later' }>[] = [];
  #now = 0;
  #calls = 1n;
  #isAborted = false;
  /** Once set, everything succeeds. */
  #isCalm = false;

  constructor(random: () => number) {
    this.#random = random;
    this.#resolveReferences = random() < 0.5;
    this.#disableIndexes = random() < 0.5;
    this.files = Array.from({ length: Math.floor(random() * 12) }, (_, n) => ({
      id: `file-${n}`,
      type: this.#oneOf(TYPES),
      status: 'pending' as const,
      isLoading: false,
    }));
    this.state = initialState(this.#request());
  }

  /** Does something that can happen now. */
  step(): void {
    const chance = this.#random();
    if (chance < 0.04) this.#raise(this.#disturbance());
    else if (chance < 0.2 && this.#timers.length > 0) this.#fireTimer();
    else if (this.#effects.length > 0) this.#answer();
    else if (this.#timers.length > 0) this.#fireTimer();
    else this.#raise({ kind: 'tick' });
  }

  /** From now on nothing fails and nobody disturbs: the load must come to its end. */
  comeToEnd(): void {
    this.#isCalm = true;
    for (let steps = 0; this.state.phase !== 'ended'; steps++) {
      assert.ok(
        steps < 5_000,
        `no end in phase ${this.state.phase}: ${this.#effects.map(({ kind }) => kind).join(', ')}`,
      );
      if (this.#effects.length > 0) this.#answer();
      else if (this.#timers.length > 0) this.#fireTimer();
      else this.#raise({ kind: 'tick' });
    }
    for (const effect of this.#effects.filter(({ kind }) => kind === 'return-files')) this.#do(effect);
  }

  #raise(event: LoadEvent): void {
    const before = this.state;
    const { state, effects } = next(before, event, this.#now);
    this.state = state;
    if (before.phase !== state.phase) {
      this.transitions.add(`${before.phase} --> ${state.phase}: ${state.reason ?? event.kind}`);
      // As the loop does: pauses before another attempt end.
      this.#timers = this.#timers.filter((timer) => {
        const isPause = timer.event.kind === 'effect-due' || timer.event.kind === 'file-due';
        if (isPause) this.#effects.push({ ...timer, ms: 0 });
        return !isPause;
      });
    }
    for (const effect of effects) this.#take(effect);
    this.#check(before);
  }

  #take(effect: LoadEffect): void {
    if (effect.kind === 'later') this.#timers.push(effect);
    else if (effect.kind === 'abort') this.#isAborted = true;
    else this.#effects.push(effect);
    if (effect.kind === 'claim' && effect.again === undefined) {
      const flights = [...this.state.slots.flights.values()];
      const slots = flights.filter(({ connections }) => connections > 0).length;
      assert.ok(slots < this.state.request.threadNum, 'a claim is for a free slot');
    }
    if (effect.kind === 'restore-table') {
      assert.ok(this.#heldOff.has(effect.type), 'only what is dropped is restored');
      const unfinished = this.files.filter(
        ({ type, status }) => type === effect.type && (status === 'pending' || status === 'in-progress'),
      );
      assert.deepEqual(unfinished, [], `${effect.type} is restored before these are in`);
    }
    for (const { id, file } of claimedIn(effect)) {
      assert.equal(this.state.phase, 'loading', 'a file begins in loading only');
      const same = this.#effects.flatMap(claimedIn).filter((other) => other.id === id);
      assert.equal(same.length, 1, 'a file is in flight once');
      this.#checkOrder(file.type ?? '');
    }
  }

  /** Where references are resolved, what others refer to comes first. */
  #checkOrder(begun: string): void {
    if (!this.#resolveReferences) return;
    const before = this.files.filter(
      ({ type }) => waitingStageOf(type, false) < waitingStageOf(begun, false) && !this.#unusable.has(type),
    );
    const unfinished = before.filter(({ status }) => status === 'pending' || status === 'in-progress');
    assert.deepEqual(unfinished, [], `${begun} is begun before these`);
  }

  #check(before: LoadState): void {
    const { phase } = this.state;
    const outstanding = (kinds: readonly LoadEffect['kind'][]) =>
      this.#effects.filter(({ kind }) => kinds.includes(kind));
    assert.ok(PHASES.indexOf(phase) >= PHASES.indexOf(before.phase), 'no phase comes twice');
    if (phase === 'finishing' || phase === 'ended') {
      const work = outstanding(['load-file', 'load-batch', 'claim', 'look', 'prepare-table', 'restore-table']);
      assert.deepEqual(work, [], `nothing goes on in ${phase}`);
    }
    const restoring = this.#effects.flatMap((effect) => (effect.kind === 'restore-table' ? [effect.type] : []));
    assert.equal(new Set(restoring).size, restoring.length, 'a table is restored once at a time');
    for (const effect of this.#effects) {
      const begun = claimedIn(effect).map(({ file }) => file.type ?? '');
      for (const type of effect.kind === 'prepare-table' ? [effect.type] : begun)
        assert.ok(!restoring.includes(type), `${type} is neither prepared nor loaded while its indexes are restored`);
    }
    assert.ok(outstanding(['finish']).length <= 1, 'one finishes once');
    assert.ok(outstanding(['look']).length <= 1 && outstanding(['end']).length <= 1);
  }

  #disturbance(): LoadEvent {
    const chance = this.#random();
    if (chance < 0.25) return { kind: 'session-lost' };
    if (chance < 0.5)
      return { kind: 'noticed', notice: { topic: this.#oneOf(['queued', 'left', 'finished']), name: BUCKET } };
    if (chance < 0.7) return { kind: 'noticed', notice: { topic: 'indexes', name: this.#oneOf(TYPES).toLowerCase() } };
    if (chance < 0.9) {
      this.#calls++;
      return { kind: 'called', request: this.#request() };
    }
    return chance < 0.95 ? { kind: 'cancelled', call: this.#calls } : { kind: 'shutdown', graceMs: 1_000 };
  }

  #fireTimer(): void {
    const [timer] = this.#timers.splice(Math.floor(this.#random() * this.#timers.length), 1);
    if (timer === undefined) return;
    this.#now += timer.ms * (1 + this.#random());
    this.#raise(timer.event);
  }

  #answer(): void {
    const [effect] = this.#effects.splice(Math.floor(this.#random() * this.#effects.length), 1);
    if (effect === undefined) return;
    const fails = !this.#isCalm && this.#random() < 0.1;
    if (fails && isRetried(effect)) {
      const failure = this.#random() < 0.05 ? failureOf('42P01', false) : failureOf(this.#oneOf(RETRIES));
      this.#raise({ kind: 'effect-failed', effect, failure, error: new Error(failure.code) });
      return;
    }
    const event = this.#do(effect);
    if (event !== undefined) this.#raise(event);
  }

  /** What a database and workers would do. */
  #do(effect: LoadEffect): LoadEvent | undefined {
    switch (effect.kind) {
      case 'later':
        return effect.event;
      case 'join':
        if (this.#isAborted) return { kind: 'effect-failed', effect, failure: failureOf('08006'), error: new Error() };
        return { kind: 'joined', maxPartitions: 4, freeConnections: Math.floor(this.#random() * 20) };
      case 'rejoin':
        return { kind: 'session-rejoined' };
      case 'look': {
        const files = this.files
          .filter(({ status }) => status === 'pending' || status === 'in-progress')
          .map(({ id, type }) => ({ id, key: id, type, size: 1, lastModified: '', etag: null }));
        return { kind: 'looked', generation: effect.generation, files: FileList.of(files) };
      }
      case 'prepare-table': {
        const { type, generation } = effect;
        const kind = this.#isCalm ? 'ready' : this.#oneOf(['ready', 'ready', 'later', 'unusable'] as const);
        if (kind === 'later') return { kind: 'table-prepared', type, generation, table: { kind, until: 'then' } };
        if (kind === 'unusable') this.#unusable.add(type);
        if (kind !== 'unusable') {
          const indexesOff = this.#disableIndexes && !effect.keepsIndexes;
          if (indexesOff) this.#heldOff.add(type);
          return { kind: 'table-prepared', type, generation, table: { kind, indexesOff } };
        }
        return { kind: 'table-prepared', type, generation, table: { kind, failure: failureOf('42501', false) } };
      }
      case 'restore-table':
        this.#heldOff.delete(effect.type);
        return { kind: 'restore-ended', type: effect.type, refused: [] };
      case 'fail-files':
        for (const id of effect.ids) this.#mark(id, 'error');
        return { kind: 'files-failed' };
      case 'claim': {
        const isFree = ({ status, isLoading }: SimulatedFile) =>
          (status === 'pending' || status === 'in-progress') && !isLoading;
        const files = effect.ids.flatMap((id) => this.files.filter((each) => each.id === id)).filter(isFree);
        const again = effect.again === undefined ? {} : { again: effect.again };
        const claimed = files.slice(0, effect.most).map((file) => {
          file.status = 'in-progress';
          return { id: file.id, file: { type: file.type, size: 1 } };
        });
        return { kind: 'claimed', claimed, ...again };
      }
      case 'load-file':
        return { kind: 'file-ended', id: effect.claimed.id, outcome: this.#load(effect.claimed.id) };
      case 'load-batch': {
        const ids = effect.claimed.map(({ id }) => id);
        if (this.#isCalm || this.#isAborted || this.#random() < 0.7) {
          return { kind: 'batch-ended', ids, outcome: { kind: 'batch', files: ids.map((id) => this.#load(id)) } };
        }
        for (const id of ids) if (this.#random() < 0.5) this.#mark(id, 'pending');
        return {
          kind: 'batch-ended',
          ids,
          outcome: { kind: 'retry', failure: failureOf(this.#oneOf(RETRIES)) },
        };
      }
      case 'fail-file':
        this.#mark(effect.id, 'error');
        return { kind: 'file-failed', id: effect.id };
      case 'finish':
        return { kind: 'finish-ended', isFinished: this.#isCalm || this.#random() < 0.5, types: [] };
      case 'count-connections':
        return { kind: 'connections-counted', free: Math.floor(this.#random() * 20) };
      case 'return-files':
        for (const id of effect.ids) this.#mark(id, 'pending');
        return undefined;
      case 'tell':
        return !this.#isCalm && this.#random() < 0.2 ? { kind: 'tell-failed' } : undefined;
      default:
        return undefined;
    }
  }

  #load(id: string): FileOutcome {
    const file = this.files.find((each) => each.id === id);
    assert.ok(file !== undefined && file.status !== 'done', 'what is done is not loaded again');
    // Marked `error` since it was claimed, for its table.
    if (file.status !== 'in-progress') return { kind: 'lost' };
    if (this.#isAborted) {
      this.#mark(id, 'pending');
      return { kind: 'stopped' };
    }
    const chance = this.#isCalm ? 0 : this.#random();
    if (chance < 0.7) {
      this.#mark(id, 'done');
      return { kind: 'done', figures: FIGURES };
    }
    if (chance < 0.75) {
      this.#mark(id, 'error');
      return { kind: 'failed', failure: failureOf('23505', false), figures: FIGURES };
    }
    if (chance < 0.95) {
      if (this.#random() < 0.5) this.#mark(id, 'pending');
      return { kind: 'retry', failure: failureOf(this.#oneOf(RETRIES)) };
    }
    this.#mark(id, 'pending');
    if (chance < 0.97) return { kind: 'primary-key-dropped' };
    return { kind: chance < 0.985 && this.#resolveReferences ? 'too-early' : 'lost' };
  }

  #mark(id: string, status: SimulatedFile['status']): void {
    for (const file of this.files) {
      if (file.id === id && file.status !== 'done' && file.status !== 'error') file.status = status;
    }
  }

  #request(): NumberedRequest {
    const { write } = requestOf();
    return requestOf({
      bucket: BUCKET,
      write: { ...write, resolveReferences: this.#resolveReferences, disableIndexes: this.#disableIndexes },
      threadNum: 1 + Math.floor(this.#random() * 6),
      scheduler: this.#oneOf(['optimal', 'by-last-modified'] as const),
      call: this.#calls,
    });
  }

  #oneOf<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.#random() * choices.length)];
    if (choice === undefined) throw new Error('nothing to choose from');
    return choice;
  }
}

/** The files that an effect begins. */
function claimedIn(effect: LoadEffect) {
  if (effect.kind === 'load-batch') return effect.claimed;
  return effect.kind === 'load-file' ? [effect.claimed] : [];
}

const PHASES: readonly LoadState['phase'][] = ['joining', 'loading', 'draining', 'finishing', 'ended'];
