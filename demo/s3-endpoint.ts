import { UsageError } from './parse-options.ts';

/** A store's address and keys, in the form of the RPC parameter `account`. */
export interface DemoAccount {
  readonly 'access-key-id': string;
  readonly 'secret-access-key': string;
  readonly region: string;
  readonly host: string;
}

export interface DemoEndpoint {
  readonly account: DemoAccount;
  close(): Promise<void>;
}

/**
 * Starts an S3 endpoint inside this process, on 127.0.0.1 only; it keeps its objects in memory.
 * @param port 0 is any free one
 * @throws when the port is taken; UsageError when the optional package is not installed
 */
export async function startS3Endpoint(port = 0): Promise<DemoEndpoint> {
  const { buildApp } = await importFauxqs();
  // Not startFauxqs(): that one listens on all interfaces.
  const app = buildApp({ logger: false, host: '127.0.0.1' });
  const host = await app.listen({ port, host: '127.0.0.1' });
  return {
    account: { 'access-key-id': 'demo', 'secret-access-key': 'demo-secret', region: 'us-east-1', host },
    async close() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

async function importFauxqs(): Promise<typeof import('fauxqs')> {
  try {
    return await import('fauxqs');
  } catch (cause) {
    throw new UsageError(
      'The demo needs the optional npm package fauxqs, an S3 endpoint, which is not installed. ' +
        'Install fhir-bucket-loader again without --omit=optional.',
      { cause },
    );
  }
}
