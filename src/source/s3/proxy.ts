/** A forward proxy, in the form of the `proxyEnv` of Node's agents. */
export interface Proxy {
  variables: { HTTP_PROXY?: string; HTTPS_PROXY?: string; NO_PROXY?: string };
  /** The proxies' own host names. */
  hosts: string[];
}

/**
 * The proxy that the environment names, by the variables that curl and the AWS CLI know, in either case.
 * @returns undefined where it names none
 * @throws Error when this version of Node cannot use one
 */
export function proxyFromEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  nodeVersion = process.versions.node,
): Proxy | undefined {
  const variable = (name: string) => environment[name.toLowerCase()] || environment[name] || undefined;
  const [http, https, exempt] = [variable('HTTP_PROXY'), variable('HTTPS_PROXY'), variable('NO_PROXY')];
  const urls = [http, https].filter((url) => url !== undefined);
  if (urls.length === 0) return undefined;
  if (!knowsProxies(nodeVersion)) {
    throw new Error(`HTTPS_PROXY and HTTP_PROXY need Node 24.5 or newer, this is ${nodeVersion}; unset them or update`);
  }
  return {
    variables: {
      ...(http === undefined ? {} : { HTTP_PROXY: http }),
      ...(https === undefined ? {} : { HTTPS_PROXY: https }),
      ...(exempt === undefined ? {} : { NO_PROXY: exempt }),
    },
    hosts: urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).hostname.replace(/^\[|\]$/g, '')] : [])),
  };
}

/** Older ones ignore the setting, and would connect without the proxy. */
function knowsProxies(nodeVersion: string): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 5);
}
