import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { FailedLogins } from '../../src/http/failed-logins.ts';
import { createDetachedApp } from '../support/detached-app.ts';
import { startTestServer } from '../support/test-server.ts';

describe('FailedLogins', () => {
  const clock = { ms: 0 };
  const guess = (logins: FailedLogins, address: string, times: number) => {
    for (let n = 0; n < times; n++) logins.add(address);
  };

  test('lets an address err twenty times at once, then once a second', () => {
    const logins = new FailedLogins(() => clock.ms);
    guess(logins, '192.0.2.1', 19);
    assert.equal(logins.waitMs('192.0.2.1'), 0);
    logins.add('192.0.2.1');
    assert.equal(logins.waitMs('192.0.2.1'), 1_000);
    clock.ms += 1_001;
    assert.equal(logins.waitMs('192.0.2.1'), 0);
    logins.add('192.0.2.1');
    assert.ok(logins.waitMs('192.0.2.1') > 0);
    assert.equal(logins.waitMs('192.0.2.2'), 0);
  });

  test('counts an IPv6 network as one address', () => {
    const logins = new FailedLogins(() => clock.ms);
    for (let n = 0; n < 20; n++) logins.add(`2001:db8:1:2::${n}`);
    assert.ok(logins.waitMs('2001:db8:1:2:aaaa:bbbb:cccc:dddd') > 0);
    assert.equal(logins.waitMs('2001:db8:1:3::1'), 0);
    guess(logins, '::ffff:192.0.2.9', 20);
    assert.equal(logins.waitMs('::ffff:192.0.2.8'), 0);
  });

  test('remembers a bounded number of addresses', () => {
    const logins = new FailedLogins(() => clock.ms);
    guess(logins, '192.0.2.1', 20);
    for (let n = 0; n < 10_000; n++) logins.add(`10.0.${n >> 8}.${n & 255}`);
    assert.equal(logins.waitMs('192.0.2.1'), 0);
  });
});

test('who guesses is slowed down, also when he guesses right, and counted', async (t) => {
  const clock = t.mock.method(performance, 'now', () => 5_000);
  const app = await createDetachedApp({ after }, { BOX_ROOT_CLIENT_SECRET: 'sesame' });
  const call = async (secret: string) =>
    await app.inject({
      url: '/loads',
      headers: { authorization: `Basic ${Buffer.from(`root:${secret}`).toString('base64')}` },
    });
  const statuses: number[] = [];
  for (let n = 0; n < 25; n++) statuses.push((await call(`guess ${n}`)).statusCode);
  assert.deepEqual(statuses, [...Array<number>(20).fill(401), ...Array<number>(5).fill(429)]);

  const refused = await call('sesame');
  assert.equal(refused.statusCode, 429);
  assert.ok(Number(refused.headers['retry-after']) >= 1);
  // Who sends none is asked for them, as before.
  assert.equal((await app.inject({ url: '/loads' })).statusCode, 401);
  clock.mock.mockImplementation(() => 8_000);
  // Let in: the app asks for the database, which is nowhere.
  assert.equal((await call('sesame')).statusCode, 503);
});

test('failed logins are a metric', async () => {
  const server = await startTestServer({ after }, { env: { BOX_ROOT_CLIENT_SECRET: 'sesame' } });
  const get = async (path: string, secret: string) =>
    await fetch(`${server.url}${path}`, {
      headers: { authorization: `Basic ${Buffer.from(`root:${secret}`).toString('base64')}` },
    });
  for (let n = 0; n < 3; n++) await get('/loads', 'wrong');
  assert.match(await (await get('/metrics', 'sesame')).text(), /^fhir_loader_failed_logins_total 3$/m);
});
