import type { FastifyServerOptions } from 'fastify';

/**
 * Has Fastify load no compilers of JSON schemas, which no route here has: parameters are read by zod. They are some 100 modules, 40 CPU ms of
 * each start, and 3 MB. A route that brings a schema is refused when the server starts.
 */
export function noSchemas(): Pick<FastifyServerOptions, 'schemaController'> {
  const refuse = () => {
    throw new Error('routes have no JSON schemas here: their parameters are read by zod');
  };
  return { schemaController: { compilersFactory: { buildValidator: refuse, buildSerializer: refuse } } };
}
