import { environmentSchema } from './config.ts';
import { splitUrls } from './database-address.ts';

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
    const byDefault = defaults[name];
    return byDefault === undefined || byDefault === ''
      ? { name, from: 'not set' }
      : { name, value: String(byDefault), from: 'default' };
  });
}

function shown(name: string, value: string): string {
  if (SECRETS.has(name)) return HIDDEN;
  if (name === 'DATABASE_URL') return withoutPassword(value);
  if (name !== 'LOADER_DATA_URLS' || value === 'auto') return value;
  return splitUrls(value).map(withoutPassword).join(',');
}

function withoutPassword(value: string): string {
  // Not by URL alone: what it cannot parse may hold a password all the same.
  if (!URL.canParse(value)) return HIDDEN;
  const url = new URL(value);
  if (url.password !== '') url.password = '***';
  if (url.searchParams.has('password')) url.searchParams.set('password', '***');
  return url.href;
}
