import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { atOnce } from '../../../src/indexes/at-once.ts';
import type { S3Account } from '../../../src/source/s3/s3-account.ts';
import { S3Clients } from '../../../src/source/s3/s3-clients.ts';
import { errorXml } from '../../support/s3-fault.ts';

/** Objects a second that the store gives from the bucket `slow`; to more requests it says SlowDown. */
const RATE = 40;
const OBJECTS = 160;

let given = RATE;
let since = performance.now();
const store = createServer((request, response) => {
  if (request.url?.startsWith('/slow/') === true) {
    const now = performance.now();
    given = Math.min(RATE, given + ((now - since) / 1000) * RATE);
    since = now;
    if (given < 1) {
      response.writeHead(503, { 'content-type': 'application/xml' }).end(errorXml('SlowDown', ''));
      return;
    }
    given--;
  }
  response.writeHead(200, { etag: '"e"' }).end('x');
}).listen(0, '127.0.0.1');
await once(store, 'listening');
after(() => store.close().closeAllConnections());

const account: S3Account = {
  region: 'us-east-1',
  endpoint: `http://127.0.0.1:${(store.address() as AddressInfo).port}`,
  credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
};
const another: S3Account = { ...account, credentials: { accessKeyId: 'another', secretAccessKey: 'secret' } };
const clients = new S3Clients(true);
const read = async (of: S3Account, bucket: string, key: string) => {
  const client = clients.get(of, bucket, { connectTimeoutMs: 0 });
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  assert.equal(await Body?.transformToString(), 'x');
};

/** With one pace for all, each of these waits for the 64 that read the slow bucket: it gets about 10 objects meanwhile, and thousands otherwise; 34 on two cores that others used ten times over. */
const AT_ITS_OWN_PACE = 20;

test('many small files of a bucket that S3 slows down come at its pace, none fails, and other buckets keep theirs', async () => {
  let ended = false;
  const keys = Array.from({ length: OBJECTS }, (_, n) => `${n}`);
  const slow = atOnce(64, keys, (key) => read(account, 'slow', key)).finally(() => {
    ended = true;
  });
  const countOfOthers = async (of: S3Account, bucket: string) => {
    let count = 0;
    for (; !ended; count++) await read(of, bucket, `${count}`);
    return count;
  };
  const counts = await Promise.all([countOfOthers(account, 'other'), countOfOthers(another, 'slower')]);
  await slow;
  assert.ok(Math.min(...counts) >= AT_ITS_OWN_PACE, `the others got ${counts} objects while the slow one was read`);
});
