import type { DatabaseAddress } from '../../../src/store/connection-options.ts';

/** Address of a database as libpq's `key=value` words. */
export function libpqWords({ host, port, user, database, password }: DatabaseAddress): string {
  const words = { host, port, user, dbname: database, ...(password === undefined ? {} : { password }) };
  return Object.entries({ ...words, sslmode: 'disable' })
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}

/** Address of a database that is reached on a TCP port of this machine. Some tools insist on a password, also where none is asked for. */
export function tcpUrl({ user, database, password = 'none' }: DatabaseAddress, port: number): string {
  return `postgresql://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}?sslmode=disable`;
}
