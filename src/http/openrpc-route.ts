import type { FastifyInstance } from 'fastify';
import { RPC_METHODS } from '../rpc/dispatch.ts';
import { openRpcDocument } from '../rpc/openrpc.ts';
import { readVersion } from '../version.ts';

/** GET /openrpc.json: what can be called, for programs. */
export function openRpcRoute(app: FastifyInstance): void {
  const document = openRpcDocument(RPC_METHODS, readVersion());
  app.get('/openrpc.json', () => document);
}
