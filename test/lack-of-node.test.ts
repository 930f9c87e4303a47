import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lackOfNode } from '../src/lack-of-node.ts';

const parts = { version: '24.21.0', hasWebAssembly: true, hasZstd: true };

test('this Node has what every file needs', () => {
  assert.equal(lackOfNode(), undefined);
  assert.equal(lackOfNode(parts), undefined);
});

test('what is missing is named, with the way to mend it', () => {
  const old = lackOfNode({ version: '23.6.0', hasWebAssembly: true, hasZstd: false });
  assert.match(
    old ?? '',
    /needs Node 22\.18 or later \(of Node 23: 23\.8\); this is Node 23\.6\.0, .* Install Node 24\./,
  );
  assert.match(
    lackOfNode({ ...parts, hasWebAssembly: false }) ?? '',
    /needs WebAssembly, .* Start it without --jitless/,
  );
});
