import { environmentSchema } from './config.ts';
import { splitUrls } from './database-address.ts';
import { parseDatabaseUrl, SECRET_PARAMETERS } from './database-url.ts';

/** One setting as `fhir-bucket-loader config` shows it. */
export interface SettingReport {
  name: string;
  /** Undefined: not set, and without a default. Secrets are hidden, a URL's password is cut out. */
  value?: string;
  from: 'environment' | 'default' | 'not set';
}

/** Values that nobody may see. */
const SECRETS = new Set(['BOX_ROOT_CLIENT_SECRET', 'BOX_DB_PASSWORD', 'PGPASSWORD']);

const HIDDEN = '(hidden)';

/** Every setting, in the schema's order. Never throws: wrong values are shown as they are. */
export function describeSettings(environment: NodeJS.ProcessEnv): SettingReport[] {
  const defaults: Readonly<Record<string, unknown>> = environmentSchema.parse({});
  return Object.keys(environmentSchema.shape).map((name) => {
    const given = environment[name];
    if (given !== undefined && given !== '') return { name, value: shown(name, given), from: 'environment' };
    // An empty list is an empty text.
    const byDefault = String(defaults[name] ?? '');
    return byDefault === '' ? { name, from: 'not set' } : { name, value: byDefault, from: 'default' };
  });
}

function shown(name: string, value: string): string {
  if (SECRETS.has(name)) return HIDDEN;
  if (name === 'DATABASE_URL') return withoutPassword(value);
  if (name !== 'LOADER_DATA_URLS' || value === 'auto') return value;
  return splitUrls(value).map(withoutPassword).join(',');
}

function withoutPassword(value: string): string {
  // What cannot be parsed may hold a password all the same, and URL takes that of postgres://me:1#2@db for a port.
  if (!isDatabaseUrl(value) || !URL.canParse(value)) return HIDDEN;
  const url = new URL(value);
  if (url.password !== '') url.password = '***';
  for (const name of SECRET_PARAMETERS) if (url.searchParams.has(name)) url.searchParams.set(name, '***');
  return url.href;
}

function isDatabaseUrl(value: string): boolean {
  try {
    parseDatabaseUrl(value);
    return true;
  } catch {
    return false;
  }
}
