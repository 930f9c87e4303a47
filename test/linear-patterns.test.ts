import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type AnyNode, parse } from 'acorn';
import { checkSync } from 'recheck';

/**
 * By steps alone: where other work fills the machine, a match of 250 ms, the checker's own limit, is nothing slow. Patterns with
 * look-arounds are tried with random texts: the same ones at each run.
 */
const CHECK = { timeout: null, attackTimeout: null, incubationTimeout: null, seedingTimeout: null, randomSeed: 1 };

interface Pattern {
  source: string;
  flags: string;
}

// Keys of objects, headers, parameters, messages and names of tables: all that meets a pattern may be long and hostile.
test('no pattern of the sources takes more than linear time', () => {
  // Without it the checker looks for a Java or a native program of its own.
  process.env['RECHECK_BACKEND'] = 'pure';
  const slow: string[] = [];
  let checked = 0;
  for (const [file, text] of sources()) {
    for (const { source, flags } of patternsOf(text)) {
      checked++;
      const result = checkSync(source, flags, CHECK);
      if (result.status !== 'safe') slow.push(`${file}: /${source}/${flags} is ${describe(result)}`);
    }
  }
  assert.deepEqual(slow, []);
  assert.ok(checked > 20, `only ${checked} patterns were found`);
});

test('a pattern that is slow is found, a constructed one too', () => {
  const text = `const a = /^a+a+$/u; const b = new RegExp('^(a|a)*$', 'i'); const c = RegExp(name);`;
  assert.deepEqual(patternsOf(text), [
    { source: '^a+a+$', flags: 'u' },
    { source: '^(a|a)*$', flags: 'i' },
    { source: 'constructed of something that is not a literal', flags: '?' },
  ]);
  assert.equal(checkSync('^a+a+$', 'u', CHECK).status, 'vulnerable');
});

function describe(result: ReturnType<typeof checkSync>): string {
  if (result.status !== 'vulnerable') return result.status;
  return `slow (${result.complexity.summary}), for one with ${result.attack.pattern.slice(0, 200)}`;
}

function* sources(): Generator<[file: string, text: string]> {
  const folder = new URL('../src/', import.meta.url);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.[tj]s$/.test(entry.name)) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const text = readFileSync(path, 'utf8');
    yield [path.slice(fileURLToPath(folder).length), entry.name.endsWith('.ts') ? stripTypeScriptTypes(text) : text];
  }
}

function patternsOf(text: string): Pattern[] {
  const found: Pattern[] = [];
  visit(parse(text, { ecmaVersion: 'latest', sourceType: 'module' }), (node) => {
    if (node.type === 'Literal' && node.regex !== undefined && node.regex !== null) {
      found.push({ source: node.regex.pattern, flags: node.regex.flags });
    }
    const isConstructor = node.type === 'NewExpression' || node.type === 'CallExpression';
    if (isConstructor && node.callee.type === 'Identifier' && node.callee.name === 'RegExp') {
      const [source, flags] = node.arguments.map((argument) =>
        argument.type === 'Literal' && typeof argument.value === 'string' ? argument.value : undefined,
      );
      found.push(
        source === undefined
          ? { source: 'constructed of something that is not a literal', flags: '?' }
          : { source, flags: flags ?? '' },
      );
    }
  });
  return found;
}

function visit(node: AnyNode, see: (node: AnyNode) => void): void {
  see(node);
  for (const member of Object.values(node)) {
    for (const child of Array.isArray(member) ? member : [member]) if (isNode(child)) visit(child, see);
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
