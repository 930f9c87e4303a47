import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { LoadSimulation, randomFrom } from './load-simulation.ts';

const LIVES = 3_000;
const MOST_STEPS = 400;

test('whatever happens in whatever order, a load ends and leaves no file behind; the diagram names every transition', async () => {
  const transitions = new Set<string>();
  for (let seed = 0; seed < LIVES; seed++) {
    try {
      for (const transition of liveThrough(seed)) transitions.add(transition);
    } catch (error) {
      throw new Error(`life ${seed}`, { cause: error });
    }
  }
  assert.deepEqual([...transitions].toSorted(), (await drawnTransitions()).toSorted());
});

function liveThrough(seed: number): Set<string> {
  const random = randomFrom(seed);
  const load = new LoadSimulation(random);
  const steps = random() * MOST_STEPS;
  for (let n = 0; n < steps && load.state.phase !== 'ended'; n++) load.step();
  load.comeToEnd();
  const unfinished = load.files.filter(({ status }) => status === 'in-progress');
  assert.deepEqual(unfinished, [], 'no file is left in progress');
  if (load.state.reason === 'finished') {
    assert.ok(load.files.every(({ status }) => status === 'done' || status === 'error'));
  }
  return load.transitions;
}

/** The edges between two phases of the diagram in ARCHITECTURE.md, one for each label. */
async function drawnTransitions(): Promise<string[]> {
  const text = await readFile(new URL('../../ARCHITECTURE.md', import.meta.url), 'utf8');
  const [, diagram = ''] = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(text) ?? [];
  return [...diagram.matchAll(/^ *(\w+) --> (\w+): (.+)$/gm)].flatMap(([, from, to, labels = '']) =>
    labels.split(', ').map((label) => `${from} --> ${to}: ${label}`),
  );
}
