/** One way on from a state. `fault`: only while the run has faults left, and nobody may rely on it. */
export interface Move<State> {
  name: string;
  to: State;
  fault?: boolean;
}

export interface Model<State> {
  start: State;
  moves(state: State): Move<State>[];
  /** The promises that a state breaks; none should. */
  broken(state: State): string[];
  /** Whether the state is one that a run may end in. */
  isEnd(state: State): boolean;
}

export interface Exploration {
  states: number;
  ends: number;
  /** The shortest run to a broken state, or to one from which no end can be reached without another fault. */
  failure?: { what: string; run: string[] };
}

/**
 * Breadth-first search over all reachable states of a model, then backwards from its ends: from every state an end must be
 * reachable by moves that are no faults. A state in which somebody waits for what nobody will do is one without such a way.
 */
export function explore<State>(model: Model<State>): Exploration {
  const keys = new Map<string, number>();
  const states: State[] = [];
  const cameFrom: { from: number; by: string }[] = [];
  const before: number[][] = [];
  const add = (state: State, from: number, by: string): number => {
    const key = JSON.stringify(state);
    const known = keys.get(key);
    if (known !== undefined) return known;
    keys.set(key, states.length);
    states.push(state);
    cameFrom.push({ from, by });
    before.push([]);
    return states.length - 1;
  };
  const runTo = (place: number): string[] => {
    const run: string[] = [];
    for (let at = place; at > 0; at = cameFrom[at]?.from ?? 0) run.unshift(cameFrom[at]?.by ?? '');
    return run;
  };
  add(model.start, 0, '');
  const ends: number[] = [];
  for (let place = 0; place < states.length; place++) {
    const state = states[place] as State;
    const [what] = model.broken(state);
    if (what !== undefined) return { states: states.length, ends: ends.length, failure: { what, run: runTo(place) } };
    if (model.isEnd(state)) ends.push(place);
    for (const { name, to, fault } of model.moves(state)) {
      const next = add(to, place, name);
      if (fault !== true) before[next]?.push(place);
    }
  }
  const stuck = firstWithoutWay(states.length, ends, before);
  const counts = { states: states.length, ends: ends.length };
  if (stuck === undefined) return counts;
  return { ...counts, failure: { what: 'somebody waits for ever', run: runTo(stuck) } };
}

function firstWithoutWay(count: number, ends: readonly number[], before: readonly number[][]): number | undefined {
  const reaches = new Uint8Array(count);
  const queue = [...ends];
  for (const end of queue) reaches[end] = 1;
  for (let place = queue.pop(); place !== undefined; place = queue.pop()) {
    for (const earlier of before[place] ?? []) {
      if (reaches[earlier] === 1) continue;
      reaches[earlier] = 1;
      queue.push(earlier);
    }
  }
  const stuck = reaches.indexOf(0);
  return stuck === -1 ? undefined : stuck;
}
