import { readFileSync, type Stats, statSync } from 'node:fs';
import { ConfigError } from './errors/start-error.ts';
import type { DatabaseAddress } from './store/connection-options.ts';

interface Setting {
  /** Where it was set, for messages. */
  name: string;
  value: string;
}

/** libpq's settings of TLS, as they were given. */
export interface TlsSettings {
  mode?: Setting | undefined;
  rootCertificate?: Setting | undefined;
  certificate?: Setting | undefined;
  key?: Setting | undefined;
  passphrase?: Setting | undefined;
}

/** The authorities that a system trusts have some 200 kB. */
const MOST_BYTES = 16 * 1024 * 1024;

const MODES = ['disable', 'require', 'verify-ca', 'verify-full'];

/**
 * What libpq's sslmode and its companions mean for a connection; undefined is no TLS, which only `disable`, or no word about TLS
 * at all, gives. `require` with a root certificate verifies it, as in libpq.
 * @throws ConfigError for a mode that would leave open whether there is TLS, and for what would have no effect
 */
export function tlsOf({ mode, rootCertificate, certificate, key, passphrase }: TlsSettings): DatabaseAddress['ssl'] {
  if (mode === undefined) {
    const lonely = rootCertificate ?? certificate ?? key ?? passphrase;
    if (lonely === undefined) return undefined;
    throw new ConfigError(
      `${lonely.name} is given without sslmode; set sslmode=verify-full, or another mode with TLS.`,
    );
  }
  if (!MODES.includes(mode.value)) {
    const open = ['allow', 'prefer'].includes(mode.value) ? ', since whether there is TLS must not be left open' : '';
    throw new ConfigError(`${mode.name} must be one of ${MODES.join(', ')}${open}.`);
  }
  if (mode.value === 'disable') return undefined;
  if ((certificate === undefined) !== (key === undefined)) {
    throw new ConfigError(`${(certificate ?? key)?.name} is given alone; sslcert and sslkey belong together.`);
  }
  // libpq's word for the authorities that the system trusts.
  const ofSystem = rootCertificate?.value === 'system';
  if (ofSystem && mode.value !== 'verify-full') {
    throw new ConfigError(`${rootCertificate?.name} is system, which needs sslmode=verify-full.`);
  }
  const ca = ofSystem ? undefined : read(rootCertificate);
  return {
    rejectUnauthorized: mode.value !== 'require' || ca !== undefined,
    checkHostname: mode.value === 'verify-full',
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: read(certificate), key: read(key) }),
    ...(passphrase === undefined ? {} : { passphrase: passphrase.value }),
  };
}

function read(file: Setting | undefined): string | undefined {
  if (file === undefined) return undefined;
  let found: Stats;
  try {
    found = statSync(file.value);
    if (found.isFile() && found.size <= MOST_BYTES) return readFileSync(file.value, 'utf8');
  } catch (error) {
    throw new ConfigError(`${file.name} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
  // A pipe would be waited for, and a device may have no end.
  const what = found.isFile() ? `it has more than ${MOST_BYTES} bytes` : 'it is not a regular file';
  throw new ConfigError(`${file.name} cannot be read: ${file.value}: ${what}.`);
}
