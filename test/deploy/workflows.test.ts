import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { load } from 'js-yaml';

interface Workflow {
  permissions: unknown;
  concurrency: { 'cancel-in-progress': unknown };
}

const folder = new URL('../../.github/workflows/', import.meta.url);

describe('.github/workflows', () => {
  for (const name of readdirSync(folder)) {
    const text = readFileSync(new URL(name, folder), 'utf8');

    test(`${name} uses actions by commit, which nobody can move, with the version beside it`, () => {
      const actions = [...text.matchAll(/\buses: (.*)$/gm)].map(([, action]) => action);
      assert.ok(actions.length > 0);
      for (const action of actions) assert.match(action ?? '', /^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    });

    test(`${name} may read only, unless a job says more, and cancels no run of main`, () => {
      const { permissions, concurrency } = load(text) as Workflow;
      assert.deepEqual(permissions, { contents: 'read' });
      assert.notEqual(concurrency['cancel-in-progress'], true);
    });
  }
});
