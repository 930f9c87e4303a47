import { createHash, timingSafeEqual } from 'node:crypto';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance } from 'fastify';
import { ClientError } from '../errors/client-error.ts';

/** The one client that may call: id and secret, as in HTTP Basic. */
export interface RootClient {
  id: string;
  secret: string;
}

/**
 * Demands HTTP Basic credentials of every route registered on `app` after this.
 * Routes then answer 401 (kind `unauthorized`) to anybody else; the comparison takes the same time however much of
 * the credentials is right.
 */
export async function requireRootClient(app: FastifyInstance, client: RootClient): Promise<void> {
  await app.register(basicAuth, {
    authenticate: { realm: 'fhir-bucket-loader' },
    validate: async (id, secret) => {
      const idRight = sameText(id, client.id);
      const secretRight = sameText(secret, client.secret);
      if (!(idRight && secretRight)) throw new ClientError('unauthorized', 'Wrong client id or secret.');
    },
  });
  app.addHook('onRequest', app.basicAuth);
}

function sameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
