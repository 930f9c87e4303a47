import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { createDetachedApp } from '../support/detached-app.ts';

const app = await createDetachedApp({ after });

describe('the format of an answer', () => {
  const payload = { method: 'fhir-bucket-loader/convert', params: { resource: { resourceType: 'Patient', id: '1' } } };
  const JSON_TYPE = 'application/json; charset=utf-8';
  const YAML_TYPE = 'text/yaml; charset=utf-8';
  const JSON_TEXT = '{"result":{"resource":{"resourceType":"Patient","id":"1"}}}';
  const YAML_TEXT = "result:\n  resource:\n    resourceType: Patient\n    id: '1'\n";

  for (const [accept, type] of [
    [undefined, JSON_TYPE],
    ['', JSON_TYPE],
    ['*/*', JSON_TYPE],
    ['application/json', JSON_TYPE],
    ['application/*', JSON_TYPE],
    ['text/yaml', YAML_TYPE],
    ['TEXT/YAML', YAML_TYPE],
    ['application/yaml', YAML_TYPE],
    ['application/x-yaml', YAML_TYPE],
    ['text/*', YAML_TYPE],
    ['text/yaml; charset=utf-8', YAML_TYPE],
    // By weight, not by order; a weight of nothing is a refusal (RFC 9110, 12.4.2).
    ['application/json;q=0.5, text/yaml', YAML_TYPE],
    ['text/yaml;q=0.5, application/json', JSON_TYPE],
    ['text/yaml;q=0', JSON_TYPE],
    ['text/yaml;q=0, */*', JSON_TYPE],
    ['application/json;q=0, */*', YAML_TYPE],
    ['*/*;q=0', JSON_TYPE],
    // A browser, and what no server has.
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', JSON_TYPE],
    ['text/html, text/yaml;q=0.1', YAML_TYPE],
    ['image/png', JSON_TYPE],
    // Names that an object has without being given them, and what is no media type.
    ['constructor', JSON_TYPE],
    ['__proto__, toString', JSON_TYPE],
    ['text/yaml;q=high', JSON_TYPE],
    [',,,', JSON_TYPE],
  ] as const)
    test(`accept: ${accept ?? '(none)'}`, async () => {
      const headers = accept === undefined ? {} : { accept };
      const answer = await app.inject({ method: 'POST', url: '/rpc', headers, payload });
      assert.deepEqual(
        [answer.statusCode, answer.headers['content-type'], answer.payload],
        [200, type, type === JSON_TYPE ? JSON_TEXT : YAML_TEXT],
      );
    });

  for (const [format, accept, type] of [
    ['yaml', 'application/json', YAML_TYPE],
    ['text/yaml', 'application/json', YAML_TYPE],
    ['json', 'text/yaml', JSON_TYPE],
    ['application/fhir%2Bjson', 'text/yaml', JSON_TYPE],
  ] as const)
    test(`_format=${format} counts before accept: ${accept}`, async () => {
      const url = `/rpc?_format=${format}`;
      const answer = await app.inject({ method: 'POST', url, headers: { accept }, payload });
      assert.deepEqual([answer.statusCode, answer.headers['content-type']], [200, type]);
    });

  for (const format of ['constructor', 'xml', ''])
    test(`_format=${format} is refused`, async () => {
      const answer = await app.inject({ method: 'POST', url: `/rpc?_format=${format}`, payload });
      assert.equal(answer.statusCode, 422);
      assert.equal(answer.json().error.errors[0].path, '_format');
    });

  test('errors are written in it too, those of unknown routes as well', async () => {
    const headers = { accept: 'text/yaml' };
    for (const [url, status] of [
      ['/rpc', 404],
      ['/nowhere', 404],
    ] as const) {
      const answer = await app.inject({ method: 'POST', url, headers, payload: { method: 'nope' } });
      assert.deepEqual([answer.statusCode, answer.headers['content-type']], [status, YAML_TYPE]);
      assert.match(answer.payload, /^error:\n {2}message: '?(Unknown method nope|No route POST)/);
    }
  });
});
