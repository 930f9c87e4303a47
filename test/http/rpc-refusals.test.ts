import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createDetachedApp } from '../support/detached-app.ts';

const STATUS = 'aidbox.bulk/load-from-bucket-status';

/** Begins with a letter, as an unquoted value would. */
const SECRET = 'Sekret/0123456789+abcdefghij';
const place = (line: number, column: number) => new RegExp(`\\(line ${line} column ${column}\\)\\.$`);

const app = await createDetachedApp({ after });

describe('POST /rpc, before the database is asked', () => {
  const json = { 'content-type': 'application/json' };

  for (const [what, body, headers, status, message] of [
    ['a body that is no JSON', '{', json, 400, /^The body is not valid JSON: /],
    ['a body that is no YAML', 'a: [', { 'content-type': 'text/yaml' }, 400, /^The body is not valid YAML: /],
    ...['json', 'yaml'].map(
      (format) =>
        [
          `${format} in Latin-1, whose é would be no letter`,
          Buffer.from(
            `{"method": "aidbox.bulk/load-from-bucket", "params": {"bucket": "s3://b", "prefixes": ["é"]}}`,
            'latin1',
          ),
          { 'content-type': `application/${format}; charset=iso-8859-1` },
          400,
          /^The body is not valid UTF-8\.$/,
        ] as const,
    ),
    ['YAML that blows up by aliases', 'a: &a [1]\nb: *a', { 'content-type': 'text/yaml' }, 400, /not valid YAML/],
    ['JSON nested without end', '['.repeat(50) + ']'.repeat(50), json, 400, /nested deeper than/],
    ['JSON with a key twice, written in two ways', '{"method": "a",\n "met\\u0068od": "b"}', json, 400, place(2, 2)],
    [
      'JSON with a parameter twice',
      `{"params": {"bucket": 1, "x": ["\\"a\\":"], "bucket": 2}}`,
      json,
      400,
      /duplicated key/,
    ],
    [
      'JSON with a key in several objects',
      '{"method": "a:", "params": {"method": [{"b": 1}, {"b": "b"}]}}',
      json,
      404,
      /a:/,
    ],
    ['an empty body', '', json, 400, /./],
    ['an empty batch', '[]', json, 400, /^A batch has 1 to 100 requests; this one has 0\./],
    ['too large a batch', JSON.stringify(Array(101).fill({ method: STATUS })), json, 400, /this one has 101/],
    ['no method', '{"params": {}}', json, 400, /^A request must be an object with method/],
    ['no object', '"text"', json, 400, /^A request must be an object with method/],
    ['an unknown method', '{"method": "aidbox.bulk/nope"}', json, 404, /^Unknown method aidbox.bulk\/nope/],
    [
      'a misspelt method',
      '{"method": "aidbox.bulk/load-form-bucket"}',
      json,
      404,
      /Did you mean aidbox\.bulk\/load-from-bucket\? /,
    ],
    ['an unknown content type', '<a/>', { 'content-type': 'application/xml' }, 415, /^Send JSON .* or YAML/],
    ['a body too large', ' '.repeat(1024 * 1024 + 1), json, 413, /^The body is too large/],
    ['no params', `{"method": "${STATUS}"}`, json, 422, /^Invalid params$/],
    ['params that are no object', `{"method": "${STATUS}", "params": [1]}`, json, 422, /^Invalid params$/],
  ] as const)
    test(`answers ${status} to ${what}`, async () => {
      const answer = await app.inject({ method: 'POST', url: '/rpc', headers, payload: body });
      const { error } = answer.json();
      assert.match(error.message, message);
      assert.equal(answer.statusCode, status);
    });

  test('refuses a parameter that stands beside params, as after a lost indent, and no other member', async () => {
    const post = async (payload: string) => {
      const answer = await app.inject({
        method: 'POST',
        url: '/rpc',
        headers: { 'content-type': 'text/yaml' },
        payload,
      });
      return { status: answer.statusCode, error: answer.json().error };
    };
    const load = 'method: aidbox.bulk/load-from-bucket\nid: 1\njsonrpc: "2.0"\nparams:\n  bucket: no-bucket\n';
    const { status, error } = await post(`${load}dry-run?: true\n`);
    assert.equal(status, 422);
    assert.deepEqual(error.errors, [
      { message: 'is beside params; write it in params', path: 'dry-run?', type: 'unrecognized_keys' },
    ]);
    const other = await post(`${load}client: ours\n`);
    assert.deepEqual(
      other.error.errors.map(({ path }: { path: string }) => path),
      ['bucket'],
    );
  });

  for (const [what, body, type, message] of [
    [
      'JSON, long',
      `{"method": "aidbox.bulk/load", "params": {\n "secret-access-key": ${SECRET}}}`,
      'json',
      place(2, 23),
    ],
    ['JSON, short', SECRET, 'json', /: Unexpected token 'S'\.$/],
    ['JSON, not one token', 'undefined', 'json', /: it begins with no value\.$/],
    ['JSON with a line break in a string', `{"secret-access-key": "${SECRET}\n"}`, 'json', place(1, 52)],
    ['YAML, beside a secret', `secret-access-key: ${SECRET}\nregion: @here`, 'yaml', /entry \(line 2 column 9\)\.$/],
    ['YAML, a secret in no quotes', `secret-access-key: @${SECRET}`, 'yaml', place(1, 20)],
    ['YAML, a secret that reads as a tag', `secret-access-key: !${SECRET}`, 'yaml', /: unknown scalar tag \(line 1 /],
    ['YAML, one that reads as a tag handle', `secret-access-key: !Sekret!x`, 'yaml', /: undeclared tag handle \(/],
    [
      'YAML, one that reads as another tag',
      `a: !<${SECRET}{}> x`,
      'yaml',
      /: tag name cannot contain such characters \(/,
    ],
    [
      'YAML, one that reads as an alias',
      `secret-access-key: *${SECRET}`,
      'yaml',
      /: aliases exceeded maxAliases \(0\) \(line 1 /,
    ],
  ] as const)
    test(`names the place in an unreadable body and quotes nothing of it: ${what}`, async () => {
      const headers = { 'content-type': `application/${type}` };
      const answer = await app.inject({ method: 'POST', url: '/rpc', headers, payload: body });
      assert.equal(answer.statusCode, 400);
      assert.match(answer.json().error.message, message);
      assert.doesNotMatch(answer.body, /Sekret/);
    });

  test('refuses a packed body by name: it would be read as if it were not packed', async () => {
    const headers = { ...json, 'content-encoding': 'gzip' };
    const answer = await app.inject({ method: 'POST', url: '/rpc', headers, payload: gzipSync('{}') });
    assert.equal(answer.statusCode, 415);
    assert.match(answer.json().error.message, /without a content-encoding/);
  });

  const account = {
    'access-key-id': 'id',
    'secret-access-key': 'secret',
    region: 'us-east-1',
    host: 'http://127.0.0.1',
  };
  const load = { bucket: 's3://hospital', account };
  const resource = { resourceType: 'Patient', id: 'p' };

  for (const [method, path, params] of [
    ['aidbox.bulk/load-from-bucket', 'bucket', (text: string) => ({ bucket: `file:///tmp/${text}` })],
    ['aidbox.bulk/load-from-bucket', 'prefixes.1', (text: string) => ({ ...load, prefixes: ['fhir/', text] })],
    ...Object.keys(account).map(
      (field) =>
        [
          'aidbox.bulk/load-from-bucket',
          `account.${field}`,
          (text: string) => ({ ...load, account: { ...account, [field]: `http://store/${text}` } }),
        ] as const,
    ),
    ['fhir-bucket-loader/watch', 'every', (text: string) => ({ ...load, every: text })],
    ['aidbox.bulk/load-from-bucket-status', 'bucket', (text: string) => ({ bucket: `s3://hospital${text}` })],
    ['aidbox.bulk/load-from-bucket-cancel', 'bucket', (text: string) => ({ bucket: `file:///${text}` })],
    ['aidbox.bulk/load-from-bucket-retry', 'files.0', (text: string) => ({ bucket: 's3://hospital', files: [text] })],
    ['aidbox.bulk/load-from-bucket-retry', 'codes.0', (text: string) => ({ bucket: 's3://hospital', codes: [text] })],
    ['fhir-bucket-loader/resolve', 'types.0', (text: string) => ({ types: [text] })],
    [
      'fhir-bucket-loader/convert',
      'resource.name.0.family',
      (text: string) => ({ resource: { ...resource, name: [{ family: text }] } }),
    ],
  ] as const)
    test(`a text that neither S3 nor Postgres can be told is refused by name: ${method}, ${path}`, async () => {
      for (const [text, named] of [
        ['\\ud800', 'U+D800, half a surrogate pair'],
        ['a\\uDFFFb', 'U+DFFF, half a surrogate pair'],
        ['\\u0000', 'U+0000'],
      ] as const) {
        // As a client writes it: an escape of JSON, and of YAML.
        const payload = JSON.stringify({ method, params: params('TEXT') }).replace('TEXT', text);
        for (const type of ['application/json', 'text/yaml']) {
          const answer = await app.inject({ method: 'POST', url: '/rpc', headers: { 'content-type': type }, payload });
          assert.equal(answer.statusCode, 422, answer.payload);
          assert.deepEqual(answer.json().error.errors, [
            { message: `must not contain ${named}`, path, type: 'invalid_format' },
          ]);
        }
      }
    });

  test('in the name of a parameter too, beside all else that is wrong; whole pairs are characters as any other', async () => {
    const refused = await app.inject({
      method: 'POST',
      url: '/rpc',
      headers: json,
      payload: `{"method": "${STATUS}", "params": {"bucket": "hospital", "\\ud83d": "\\ud83d\\ude00"}}`,
    });
    const { errors } = refused.json().error;
    assert.deepEqual(
      errors.map((error: { path: string }) => error.path),
      ['bucket', '\ud83d'],
    );
    assert.match(errors[1].message, /^must not contain U\+D83D, half a surrogate pair$/);
    const params = { bucket: 's3://hospital', files: ['\u{1f600}.ndjson'] };
    const payload = { method: 'aidbox.bulk/load-from-bucket-retry', params };
    const taken = await app.inject({ method: 'POST', url: '/rpc', payload });
    assert.equal(taken.statusCode, 503, 'the database was asked');
  });

  test('echoes jsonrpc and id of a single request with its error', async () => {
    const payload = { jsonrpc: '2.0', id: 1, method: 'nope' };
    const answer = await app.inject({ method: 'POST', url: '/rpc', payload });
    const { jsonrpc, id, error } = answer.json();
    assert.deepEqual([answer.statusCode, jsonrpc, id, error.method], [404, '2.0', 1, 'nope']);
  });

  test('says where calls go when the path is wrong', async () => {
    const answer = await app.inject({ method: 'POST', url: '/rcp', payload: { method: STATUS } });
    assert.equal(answer.statusCode, 404);
    assert.deepEqual(answer.json(), { error: { message: 'No route POST /rcp. RPC calls go to POST /rpc.' } });
  });

  test('a database out of reach is logged with its code, in a batch too, whose own status is 200', async (t) => {
    const logged: { msg?: string; code?: string }[] = [];
    const logging = await createDetachedApp(t, {}, { logged });
    const call = { method: STATUS, params: { bucket: 's3://hospital' } };
    for (const payload of [call, [call, call]]) await logging.inject({ method: 'POST', url: '/rpc', payload });
    const refused = logged.filter(({ msg }) => msg === 'request refused').map(({ code }) => code);
    assert.deepEqual(refused, ['08006', '08006', '08006']);
  });

  test('a database out of reach is 503, and the answer names no address', async () => {
    const payload = { method: STATUS, params: { bucket: 's3://hospital' } };
    const answer = await app.inject({ method: 'POST', url: '/rpc', payload });
    assert.equal(answer.statusCode, 503);
    assert.deepEqual(answer.json(), {
      error: { message: 'The database cannot be reached now; try again.', code: '08006' },
    });
  });
});
