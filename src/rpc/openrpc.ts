import { z } from 'zod';
import { ANSWERS } from './answers.ts';
import { errorSamples, TRANSPORT_ERRORS } from './error-samples.ts';
import type { RpcMethod } from './rpc-method.ts';

/** Of a method's params: what becomes the list that OpenRPC wants. */
const paramsSchema = z.looseObject({
  properties: z.record(z.string(), z.looseObject({ description: z.string().optional() })).default({}),
  required: z.array(z.string()).default([]),
});

/**
 * The RPC methods as an OpenRPC 1.3 document: each with the JSON Schemas of its params and of its result, a call by curl
 * (`x-curl`), and the errors by HTTP status, whose `data` are samples of what is answered.
 */
export function openRpcDocument(methods: readonly RpcMethod[], version: string): object {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'fhir-bucket-loader',
      version,
      description: 'POST /rpc takes {method, params} as JSON or YAML and answers {result} or {error: {message, …}}.',
      license: { name: 'Apache-2.0' },
    },
    servers: [{ name: 'this server', url: '/rpc' }],
    methods: methods.map(describeMethod),
  };
}

function describeMethod({ name, description, params }: RpcMethod): object {
  const { properties, required } = paramsSchema.parse(z.toJSONSchema(params, { io: 'input' }));
  const answer = ANSWERS[name];
  return {
    name,
    description,
    paramStructure: 'by-name',
    params: Object.entries(properties).map(([param, { description: text, ...schema }]) => ({
      name: param,
      ...(text === undefined ? {} : { description: text }),
      required: required.includes(param),
      schema,
    })),
    result: { name: 'result', schema: answer === undefined ? {} : z.toJSONSchema(answer) },
    errors: errorsOf(name, required, Object.keys(properties)),
    'x-curl': curlOf(name, required),
  };
}

/** OpenRPC wants one error a code. */
function errorsOf(name: string, required: readonly string[], known: readonly string[]): object[] {
  const transport = Object.entries(TRANSPORT_ERRORS).map(([status, { when, error }]) => ({
    code: Number(status),
    message: when,
    ...(error === undefined ? {} : { data: { samples: [{ error }] } }),
  }));
  const refused = {
    code: 422,
    message:
      'Params are wrong, or what they name cannot be had: `error.message`, `error.errors` and `error.code` say why.',
    data: { samples: errorSamples(name, paramsOf(required), known) },
  };
  return [...transport, refused].sort((a, b) => a.code - b.code);
}

function curlOf(method: string, required: readonly string[]): string {
  const params = paramsOf(required);
  return `curl -u root:$BOX_ROOT_CLIENT_SECRET http://127.0.0.1:8888/rpc --json '${JSON.stringify({ method, params })}'`;
}

/** Params of a good call. */
function paramsOf(required: readonly string[]): object {
  const samples: Readonly<Record<string, unknown>> = {
    bucket: 's3://your-bucket-id',
    every: '15m',
    resource: { resourceType: 'Patient', id: 'pt-1' },
  };
  return Object.fromEntries(required.map((name) => [name, samples[name]]));
}
