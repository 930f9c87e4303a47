import { registerHooks } from 'node:module';

/** What these tests use of `@health-samurai/aidbox-client`, 0.0.0-alpha.4, in its own words. */
export interface AidboxClient {
  rawRequest(request: {
    method: 'GET' | 'POST' | 'DELETE';
    url: string;
    headers?: Record<string, string>;
    params?: [string, string][];
    body?: string;
  }): Promise<{ response: Response; responseHeaders: Record<string, string> }>;
  read(options: { type: string; id: string }): Promise<Outcome>;
  searchType(options: { type: string; query: [string, string][] }): Promise<Outcome>;
  delete(options: { type: string; id: string }): Promise<Outcome>;
  conditionalDelete(options: { type: string; searchParameters: [string, string][] }): Promise<Outcome>;
}

interface Outcome {
  value: { resource: Resource; response: Response };
}

export interface Resource {
  resourceType: string;
  id: string;
  status?: string;
  total?: number;
  entry?: { resource: Resource }[];
}

interface AidboxClientModule {
  AidboxClient: new (baseUrl: string, auth: object) => AidboxClient;
  BasicAuthProvider: new (baseUrl: string, id: string, secret: string) => object;
}

/** Aidbox's own client for a server, with Basic credentials. */
export async function createAidboxClient(url: string, id: string, secret: string): Promise<AidboxClient> {
  const { AidboxClient, BasicAuthProvider } = await importClient();
  return new AidboxClient(url, new BasicAuthProvider(url, id, secret));
}

/** The package imports its own files without extensions, which bundlers accept and Node does not. */
async function importClient(): Promise<AidboxClientModule> {
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      const own = specifier.startsWith('./') && context.parentURL?.includes('/aidbox-client/') === true;
      if (!own) return next(specifier, context);
      const file = /hl7-fhir-r4-core$/.test(specifier) ? `${specifier}/index.js` : specifier;
      return next(file.endsWith('.js') ? file : `${file}.js`, context);
    },
  });
  try {
    // Its types lack the extensions too, so TypeScript sees an empty module.
    const module: unknown = await import('@health-samurai/aidbox-client');
    return module as AidboxClientModule;
  } finally {
    hooks.deregister();
  }
}
