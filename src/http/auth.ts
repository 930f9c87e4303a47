import { createHash, timingSafeEqual } from 'node:crypto';
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance } from 'fastify';
import { ClientError } from '../errors/client-error.ts';
import { FailedLogins } from './failed-logins.ts';

/** The one client that may call: id and secret, as in HTTP Basic. */
export interface RootClient {
  id: string;
  secret: string;
}

/**
 * Demands HTTP Basic credentials of every route registered on `app` after this.
 * Routes then answer 401 (kind `unauthorized`) to anybody else; the comparison takes the same time however much of
 * the credentials is right. An address that keeps sending wrong ones is answered 429 without any comparison.
 * @param onFailedLogin called for each attempt with wrong credentials, also one that was refused unchecked
 */
export async function requireRootClient(
  app: FastifyInstance,
  client: RootClient,
  onFailedLogin: () => void,
): Promise<void> {
  const failedLogins = new FailedLogins();
  await app.register(basicAuth, {
    authenticate: { realm: 'fhir-bucket-loader' },
    validate: async (id, secret, request, reply) => {
      const waitMs = failedLogins.waitMs(request.ip);
      if (waitMs > 0) {
        onFailedLogin();
        reply.header('retry-after', Math.ceil(waitMs / 1_000));
        throw new ClientError('too-many-attempts', 'Too many attempts with wrong credentials; wait and try again.');
      }
      const idRight = sameText(id, client.id);
      const secretRight = sameText(secret, client.secret);
      if (idRight && secretRight) return;
      failedLogins.add(request.ip);
      onFailedLogin();
      throw new ClientError('unauthorized', 'Wrong client id or secret.');
    },
  });
  app.addHook('onRequest', app.basicAuth);
}

function sameText(given: string, expected: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
