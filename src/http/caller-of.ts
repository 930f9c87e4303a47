import type { FastifyRequest } from 'fastify';
import type { Caller } from '../load/load-request.ts';

/** How the command line names itself, before its version. */
const COMMAND_LINE = 'fhir-bucket-loader/';

/** Longest name of a program that is kept, in characters. */
const MOST_CHARACTERS = 100;

/**
 * Who sent a request, where that is known.
 * @param user the id of the client that has signed in
 */
export function callerOf({ ip, headers }: FastifyRequest, user: string | undefined): Caller {
  const { 'user-agent': agent = '', origin } = headers;
  // Pages of other origins are refused before this.
  const isPage = origin !== undefined || headers['sec-fetch-site'] === 'same-origin';
  return {
    ...(user === undefined ? {} : { user }),
    address: ip,
    via: isPage ? 'page' : agent.startsWith(COMMAND_LINE) ? 'command-line' : 'api',
    ...(agent === '' ? {} : { agent: agent.slice(0, MOST_CHARACTERS) }),
  };
}
