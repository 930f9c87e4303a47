import { z } from 'zod';
import { CLIENT_ERRORS } from '../../src/errors/client-error.ts';
import { REST_TYPES } from '../../src/http/resource-fields.ts';
import { RPC_METHODS } from '../../src/rpc/dispatch.ts';

const answers = Object.fromEntries(
  [200, 204, ...Object.values(CLIENT_ERRORS)].map((status) => [String(status), { description: `${status}` }]),
);

/** The HTTP surface as OpenAPI 3.1, made of the methods' own schemas: what a fuzzer is to try. */
export function openApi(): object {
  const request = {
    anyOf: RPC_METHODS.map(({ name, params }) => ({
      type: 'object',
      properties: { method: { const: name }, params: z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }) },
      required: ['method'],
    })),
  };
  const content = Object.fromEntries(['application/json', 'text/yaml'].map((type) => [type, { schema: request }]));
  return {
    openapi: '3.1.0',
    info: { title: 'fhir-bucket-loader', version: '0' },
    paths: {
      '/rpc': { post: { parameters: [query('_format')], requestBody: { content }, responses: answers } },
      ...Object.fromEntries(REST_TYPES.flatMap((type) => restPaths(type))),
      ...Object.fromEntries(
        ['/health', '/ready', '/metrics', '/loads', '/'].map((path) => [path, { get: { responses: answers } }]),
      ),
    },
  };
}

function restPaths(type: string): [path: string, operations: object][] {
  const search = ['status', '.error.code', '_sort', '_count', '_page', '_format', 'nonsense'].map(query);
  const removeAll = { name: 'x-conditional-delete', in: 'header', schema: { type: 'string' } };
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string', minLength: 1 } };
  return [`/${type}`, `/fhir/${type}`].flatMap((path) => [
    [
      path,
      {
        get: { parameters: search, responses: answers },
        delete: { parameters: [...search, removeAll], responses: answers },
      },
    ],
    [
      `${path}/{id}`,
      { get: { parameters: [id], responses: answers }, delete: { parameters: [id], responses: answers } },
    ],
  ]);
}

function query(name: string) {
  return { name, in: 'query', schema: { type: 'string' } };
}
