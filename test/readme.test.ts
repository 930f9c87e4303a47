import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { z } from 'zod';
import { environmentSchema } from '../src/config.ts';
import { CLIENT_ERRORS } from '../src/errors/client-error.ts';
import { REST_TYPES } from '../src/http/resource-fields.ts';
import { RPC_METHODS } from '../src/rpc/dispatch.ts';

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
const reference = await readFile(new URL('../docs/reference.md', import.meta.url), 'utf8');
const packageFile = new URL('../package.json', import.meta.url);

/** The text from a heading to the next one of its level or above. */
function section(heading: string): string {
  const start = reference.indexOf(`\n${heading}\n`);
  assert.notEqual(start, -1, `docs/reference.md has no heading "${heading}"`);
  const body = reference.slice(start + heading.length + 2);
  const level = heading.indexOf(' ');
  return body.slice(0, new RegExp(`^#{1,${level}} `, 'm').exec(body)?.index);
}

/** The cells of the rows of all tables in a text, without the headings. */
function tableRows(text: string): string[][] {
  const lines = text.split('\n');
  const isRule = (line: string | undefined) => /^\|( ?-+ ?\|)+$/.test(line ?? '');
  const rows = lines.filter((line, at) => line.startsWith('|') && !isRule(line) && !isRule(lines[at + 1]));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const plain = (cell: string | undefined) => cell?.replaceAll('`', '') ?? '';

/** The JSON schema's properties, nested ones as `account.region`. */
const propertiesSchema = z.object({ properties: z.record(z.string(), z.unknown()).optional() });

function propertiesOf(schema: unknown, prefix = ''): [path: string, property: unknown][] {
  const { properties = {} } = propertiesSchema.parse(schema);
  return Object.entries(properties).flatMap(([name, property]) => [
    [`${prefix}${name}`, property] as [string, unknown],
    ...propertiesOf(property, `${prefix}${name}.`),
  ]);
}

function defaultOf(property: unknown): unknown {
  return z.object({ default: z.unknown().optional() }).parse(property).default;
}

test('the reference documents every setting, with its default, and no other', () => {
  const rows = tableRows(section('## Settings'));
  const { shape } = environmentSchema;

  assert.deepEqual(rows.map(([name]) => plain(name)).sort(), Object.keys(shape).sort());

  const defaults = new Map(Object.entries(environmentSchema.parse({})));
  for (const [name, byDefault] of rows) {
    const actual = defaults.get(plain(name));
    if (actual !== undefined) assert.equal(plain(byDefault), String(actual), name);
    else assert.doesNotMatch(byDefault ?? '', /^`(?!5432|localhost)/, `${name} has no default in the schema`);
  }
});

test('the reference documents every RPC method with every parameter and its default, and no other', () => {
  const headings = [...section('## RPC').matchAll(/^### `(.*)`$/gm)].map(([, name]) => name);
  assert.deepEqual(
    headings,
    RPC_METHODS.map(({ name }) => name),
  );

  for (const { name, params } of RPC_METHODS) {
    const all = propertiesOf(z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }));
    const [first, ...others] = tableRows(section(`### \`${name}\``));
    // "those of <method>" stands for all that the two have in common.
    const like = RPC_METHODS.find((method) => plain(first?.[0]) === `those of ${method.name}`);
    const common = like === undefined ? [] : propertiesOf(z.toJSONSchema(like.params, { io: 'input' }));
    const properties = all.filter(([path]) => !common.some(([other]) => other === path));
    const rows = like === undefined && first !== undefined ? [first, ...others] : others;

    assert.deepEqual(
      rows.map(([parameter]) => plain(parameter)),
      properties.map(([path]) => path),
      name,
    );
    for (const [at, [path, property]] of properties.entries()) {
      const actual = defaultOf(property);
      const simple = actual !== undefined && !Array.isArray(actual);
      if (simple) assert.equal(plain(rows[at]?.[1]), String(actual), `${name}: ${path}`);
    }
  }
});

test('the reference documents every kind of client error with its HTTP status, and no other', () => {
  const documented = tableRows(section('## Errors'))
    .filter(([status, kind]) => /^\d{3}$/.test(status ?? '') && kind !== '')
    .map(([status, kind]) => [plain(kind), Number(status)]);

  assert.deepEqual(documented, Object.entries(CLIENT_ERRORS));
});

test('the reference documents the resources that are served over REST', () => {
  const heading = /^## (LoaderFile, .*)$/m.exec(reference)?.[1] ?? '';
  assert.deepEqual(heading.split(', ').sort(), [...REST_TYPES].sort());
});

test('the reference documents every code of a bad line', async () => {
  const source = await readFile(new URL('../src/errors/line-error.ts', import.meta.url), 'utf8');
  const faults = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, fault]) => fault);
  assert.ok(faults.length > 5);
  const errors = section('## Errors');
  for (const fault of faults) assert.ok(errors.includes(`\`${fault}\``), fault);
});

test('every npm command in README exists', async () => {
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(await readFile(packageFile, 'utf8')));
  const commands = [...readme.matchAll(/npm run ([\w:-]+)/g)].map(([, script = '']) => script);
  assert.ok(commands.length > 0);
  for (const script of [...commands, 'start', 'test']) assert.ok(script in scripts, `npm run ${script}`);
});

test('every file that README links to exists', async () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path = '']) => path);
  assert.ok(links.length > 0);
  for (const path of links) await access(new URL(`../${path}`, import.meta.url));
});

test('README is short enough to be read', () => {
  assert.ok(readme.split('\n').length < 200);
});
