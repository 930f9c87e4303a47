import { dump } from 'js-yaml';
import type { Random } from '../../demo/fhir-data/random.ts';

/** A request to POST /rpc, as sent. */
export interface RawRequest {
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

const METHODS = [
  'aidbox.bulk/load-from-bucket',
  'aidbox.bulk/load-from-bucket-status',
  'aidbox.bulk/load-from-bucket-cancel',
  'aidbox.bulk/load-from-bucket-retry',
  'aidbox.bulk/load-from-buckets',
  '',
];
const NAMES = [
  'bucket',
  'thread-num',
  'account',
  'prefixes',
  'disable-idx?',
  'drop-primary-key?',
  'upsert?',
  'scheduler',
  'connect-timeout',
  'read-timeout',
  'max-errors',
  '__proto__',
  'constructor',
  'toString',
  'método',
];
const TYPES = [
  'application/json',
  'text/yaml',
  'application/yaml',
  'application/x-yaml',
  'application/json; charset=utf-16',
  'text/plain',
  'multipart/form-data',
  ';;;',
  '',
];
const TEXTS = [
  's3://bucket-that-is-not-there',
  's3://',
  's3://a/b',
  'S3://X1',
  '\u0000',
  '\ud800',
  '🦆'.repeat(50),
  "'; drop table loaderfile; --",
  '../../etc/passwd',
  'x'.repeat(5_000),
  'http://127.0.0.1:1',
  'http://[::1]:1',
  'localhost:1',
  '=cmd',
  '2026-01-01',
  '0x10',
  'null',
];
const NUMBERS = [0, -1, 1.5, 1e308, -1e308, 2 ** 53, 2 ** 31, 1e21, 5e-324, Number.MAX_SAFE_INTEGER];
const SNIPPETS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  '\n',
  '  ',
  '- ',
  '&a ',
  '*a',
  '!!',
  '<<: ',
  '|',
  '>',
  '\\u0000',
  '1e999',
];

/** Valid, nearly valid and hopeless requests. */
export function randomRequest(random: Random): RawRequest {
  const yaml = random.chance(0.4);
  const body = random.chance(0.15) ? Buffer.from(special(random)) : mutate(random, Buffer.from(written(random, yaml)));
  const type = random.chance(0.8) ? (yaml ? 'text/yaml' : 'application/json') : random.pick(TYPES);
  return {
    path: random.pick([
      '/rpc',
      '/rpc',
      '/rpc',
      '/rpc?_m=x',
      '/rpc?_format=yaml',
      '/rpc?_format=',
      '/rpc?_format=a&_format=b',
    ]),
    headers: {
      ...(type === '' ? {} : { 'content-type': type }),
      ...(random.chance(0.5)
        ? { accept: random.pick([...TYPES, '*/*', 'text/yaml;q=0.1, */*;q=x', ',,,']) || '*/*' }
        : {}),
    },
    body,
  };
}

function written(random: Random, yaml: boolean): string {
  const value = random.chance(0.15) ? Array.from({ length: random.between(0, 120) }, () => rpc(random)) : rpc(random);
  return yaml ? dump(value, { skipInvalid: true, noRefs: true }) : JSON.stringify(value);
}

function rpc(random: Random): unknown {
  if (random.chance(0.05)) return anything(random, 3);
  const request: Record<string, unknown> = { method: random.chance(0.95) ? random.pick(METHODS) : anything(random, 1) };
  if (random.chance(0.9)) request['params'] = random.chance(0.9) ? params(random) : anything(random, 2);
  if (random.chance(0.2)) request['jsonrpc'] = random.chance(0.5) ? '2.0' : anything(random, 1);
  if (random.chance(0.2)) request['id'] = anything(random, 2);
  return request;
}

function params(random: Random): Record<string, unknown> {
  const entries = Array.from({ length: random.between(0, 5) }, () => [random.pick(NAMES), anything(random, 2)]);
  if (random.chance(0.6)) entries.push(['bucket', random.pick(TEXTS)]);
  if (random.chance(0.5)) entries.push(['account', account(random)]);
  return Object.fromEntries(entries);
}

/** No account leads anywhere: ports that nobody listens on, at once refused. */
function account(random: Random): unknown {
  if (random.chance(0.2)) return anything(random, 2);
  return {
    'access-key-id': random.pick(TEXTS),
    'secret-access-key': random.pick(TEXTS),
    region: random.pick(['us-east-1', ...TEXTS]),
    host: random.pick(['http://127.0.0.1:1', '127.0.0.1:1', ...TEXTS]),
  };
}

function anything(random: Random, depth: number): unknown {
  const kind = random.between(0, depth > 0 ? 7 : 4);
  if (kind === 0) return random.pick(TEXTS);
  if (kind === 1) return random.pick(NUMBERS);
  if (kind === 2) return random.pick([true, false, null]);
  if (kind === 3) return random.digits(random.between(1, 400));
  if (kind === 4) return '';
  if (kind === 5) return Array.from({ length: random.between(0, 4) }, () => anything(random, depth - 1));
  return Object.fromEntries(
    Array.from({ length: random.between(0, 4) }, () => [
      random.pick([...NAMES, ...TEXTS]),
      anything(random, depth - 1),
    ]),
  );
}

/** Bodies that break parsers. */
function special(random: Random): string {
  const deep = random.between(20, 20_000);
  return random.pick([
    '['.repeat(deep),
    `${'['.repeat(deep)}${']'.repeat(deep)}`,
    `${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}`,
    `${'- '.repeat(Math.min(deep, 2_000))}a`,
    'a: &a [x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]',
    'method: !!js/function "function () { return 1 }"',
    '? [a, b]\n: c',
    '? {a: b}\n: c\nmethod: x',
    'method: aidbox.bulk/load-from-bucket-status\nparams: {bucket: !!binary aGVsbG8=}',
    'method: aidbox.bulk/load-from-bucket-status\nid: !!set {a, b}\nparams: {}',
    'method: x\nid: 123456789012345678901234567890',
    'method: x\nid: .nan\njsonrpc: .inf',
    'method: x\nid: 2026-01-01T00:00:00Z',
    '{"method":"x","id":1e999}',
    `{"method":"x","id":${'9'.repeat(random.between(1, 3_000))}}`,
    '{"__proto__":{"method":"x"},"constructor":{"prototype":{"a":1}}}',
    '--- a\n--- b\n',
    '%YAML 9.9\n---\na',
    '\ufeff{"method":"x"}',
    '',
    ' ',
    'null',
    '"text"',
    '0',
    `"${'a'.repeat(1_100_000)}"`,
  ]);
}

function mutate(random: Random, body: Buffer): Buffer {
  if (random.chance(0.4)) return body;
  let bytes = body;
  for (let n = random.between(1, 4); n > 0; n--) bytes = mutateOnce(random, bytes);
  return bytes;
}

function mutateOnce(random: Random, bytes: Buffer): Buffer {
  const at = random.between(0, bytes.length);
  const cut = random.between(0, 6);
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + cut))];
  switch (random.between(0, 4)) {
    case 0:
      return Buffer.concat([head, tail]);
    case 1:
      return Buffer.concat([head, Buffer.from(random.pick(SNIPPETS)), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([head, Buffer.from([random.between(0, 255)]), tail]);
    case 3:
      return head;
    default:
      return Buffer.concat([bytes, bytes.subarray(at)]);
  }
}
