import { lookup as systemLookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { FileError } from '../../errors/file-error.ts';

/** A store's host may not be one that only this machine or its network can reach. */
export class PrivateHostError extends FileError {
  override readonly name = 'PrivateHostError';
  constructor(host: string) {
    super(
      `account.host ${host} is a loopback, link-local or private address; ` +
        'start the loader with S3_ALLOW_PRIVATE_HOSTS=true if such stores are meant',
      { source: 'aws', code: 'PrivateHost' },
    );
  }
}

const RANGES: readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6'][] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  // Azure's metadata and DNS, though the address is a public one.
  ['168.63.129.16', 32, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  // Those that hold an IPv4 address, which may be any: compatible, translated (NAT64), Teredo, 6to4.
  ['::', 96, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2001::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

const PRIVATE = RANGES.reduce((list, [network, prefix, family]) => {
  list.addSubnet(network, prefix, family);
  return list;
}, new BlockList());

/** Whether an IP address is loopback, link-local, private or otherwise not a public host's. */
export function isPrivateAddress(address: string): boolean {
  // An IPv4-mapped IPv6 address is checked as the IPv4 address by BlockList itself.
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/**
 * A DNS lookup that refuses private addresses. As the lookup of the very connection it also stops a name that
 * answers with a public address first and a private one later. Literal addresses never come here: check those before.
 * @param exempt names that may have any address: the operator's own proxies
 */
export const publicLookup =
  (exempt: readonly string[] = []): LookupFunction =>
  (hostname, options, callback) => {
    systemLookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        callback(error, '', 4);
        return;
      }
      if (!exempt.includes(hostname) && addresses.some(({ address }) => isPrivateAddress(address))) {
        callback(new PrivateHostError(hostname), '', 4);
        return;
      }
      const first = addresses[0];
      if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family ?? 4);
    });
  };

/** Throws `PrivateHostError` when the endpoint's host is a literal private address or a name for this machine. */
export function assertPublicEndpoint(endpoint: string): void {
  const host = new URL(endpoint).hostname.replace(/^\[|\]$/g, '');
  const local = host === 'localhost' || host.endsWith('.localhost');
  if (local || (isIP(host) !== 0 && isPrivateAddress(host))) throw new PrivateHostError(host);
}
