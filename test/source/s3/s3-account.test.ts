import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertPublicEndpoint, isPrivateAddress } from '../../../src/source/s3/private-hosts.ts';
import { endpointOfHost, isAwsEndpoint } from '../../../src/source/s3/s3-account.ts';

describe('endpointOfHost', () => {
  for (const [host, endpoint] of [
    ['amazonaws.com', undefined],
    ['https://s3.amazonaws.com', undefined],
    ['https://amazonaws.com:443/', undefined],
    ['s3.eu-west-1.amazonaws.com', 'https://s3.eu-west-1.amazonaws.com'],
    ['http://s3.eu-west-1.amazonaws.com', 'http://s3.eu-west-1.amazonaws.com'],
    ['amazonaws.com:8443', 'https://amazonaws.com:8443'],
    ['s3-accelerate.amazonaws.com', 'https://s3-accelerate.amazonaws.com'],
    [
      'bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com',
      'https://bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com',
    ],
    ['store.example.org/s3/', 'https://store.example.org/s3'],
    ['http://127.0.0.1:9000/base/path', 'http://127.0.0.1:9000/base/path'],
    ['amazonaws.com.cn', undefined],
    ['notamazonaws.com', 'https://notamazonaws.com'],
    ['amazonaws.com.evil.org', 'https://amazonaws.com.evil.org'],
    ['minio.example.org', 'https://minio.example.org'],
    ['minio.example.org:9000', 'https://minio.example.org:9000'],
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000'],
    ['http://127.0.0.1:9000/', 'http://127.0.0.1:9000'],
    ['HTTPS://Store.Example.org', 'https://store.example.org'],
    ['http://[::1]:9000', 'http://[::1]:9000'],
  ] as const)
    test(`${host} means ${endpoint ?? 'AWS itself'}`, () => assert.equal(endpointOfHost(host), endpoint));

  for (const host of [
    '',
    'http://',
    'a b',
    'http://store/?q',
    'http://store/#f',
    'http://:p@store',
    'ftp://store',
    'http://user@store',
    'a:x',
  ])
    test(`${JSON.stringify(host)} is no host`, () => assert.throws(() => endpointOfHost(host), TypeError));
});

describe('isAwsEndpoint', () => {
  for (const host of [
    's3.amazonaws.com',
    's3.eu-central-1.amazonaws.com',
    's3.dualstack.us-west-2.amazonaws.com',
    's3-fips.us-gov-west-1.amazonaws.com',
    's3-us-west-2.amazonaws.com',
    's3-accelerate.dualstack.amazonaws.com',
    's3.cn-north-1.amazonaws.com.cn',
    'bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com',
    'my.bucket.s3.us-east-1.amazonaws.com',
  ])
    test(`${host} is S3 of AWS, whose addresses in a VPC are private`, () =>
      assert.equal(isAwsEndpoint(`https://${host}`), true));

  for (const host of [
    'amazonaws.com',
    'ec2-10-0-0-1.us-west-2.compute.amazonaws.com',
    's3-1234567890.us-east-1.elb.amazonaws.com',
    's3.us-east-1.elb.amazonaws.com',
    's3.us-east-1.amazonaws.com.example.org',
    's3.example.org',
    'vpce-1a2b.execute-api.us-east-1.vpce.amazonaws.com',
  ])
    test(`${host} may be anybody's`, () => assert.equal(isAwsEndpoint(`https://${host}`), false));
});

describe('private hosts', () => {
  for (const address of [
    '127.0.0.1',
    '127.8.9.1',
    '0.0.0.0',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '169.254.169.254',
    '100.64.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    'fe80::1',
    'fd00::1',
    '::ffff:127.0.0.1',
    '168.63.129.16',
    '::127.0.0.1',
    '::a9fe:a9fe',
    '64:ff9b::7f00:1',
    '64:ff9b:1::7f00:1',
    '2001:0:4136:e378:8000:63bf:3fff:fdd2',
    '2002:7f00:1::',
    'fec0::1',
    '::ffff:10.0.0.1',
  ])
    test(`${address} is private`, () => assert.equal(isPrivateAddress(address), true));

  for (const address of ['52.216.0.1', '172.32.0.1', '192.167.1.1', '8.8.8.8', '2600:1f60::1', '::ffff:8.8.8.8'])
    test(`${address} is public`, () => assert.equal(isPrivateAddress(address), false));

  for (const endpoint of [
    'http://localhost:9000',
    'http://store.localhost',
    'http://127.0.0.1',
    'http://[::1]:9000',
    'http://[::ffff:7f00:1]',
    // URLs spell these as 127.0.0.1.
    'http://2130706433',
    'http://0x7f.1',
    'http://127.1',
  ])
    test(`${endpoint} is refused`, () =>
      assert.throws(() => assertPublicEndpoint(endpoint), { name: 'PrivateHostError' }));

  test('a public name or address is let through', () => {
    assertPublicEndpoint('https://minio.example.org');
    assertPublicEndpoint('https://52.216.0.1');
  });
});
