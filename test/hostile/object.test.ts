import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, describe, test } from 'node:test';
import { capText } from '../../src/errors/cap-text.ts';
import { listingPage, startHostileStore, writeWithoutEnd } from '../support/hostile-store.ts';
import type { Closing } from '../support/last-first.ts';
import { startTestServer } from '../support/test-server.ts';

const server = await startTestServer({ after });

/** A store with one object of a hundred bytes, which it answers with as `answer` does. */
async function loadFrom(t: Closing, bucket: string, answer: (response: ServerResponse) => void, params: object = {}) {
  const store = await startHostileStore(t, (request, response) => {
    if (request.url?.includes('list-type') === true) {
      response
        .writeHead(200, { 'content-type': 'application/xml' })
        .end(listingPage(['Patient.ndjson'], undefined, 100));
    } else answer(response);
  });
  const status = await server.load(bucket, { account: store.account, ...params });
  return { store, status, file: await server.loaderFile(bucket, 'Patient.ndjson') };
}

const errorOf = (code: string, message: string) =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;

describe('a store that answers for an object', () => {
  for (const maxErrors of [0, 5])
    test(`with a message of 20 kB fails the file at once, with the message's beginning (max-errors ${maxErrors})`, async (t) => {
      const { store, status, file } = await loadFrom(
        t,
        `long-message-${maxErrors}`,
        (response) =>
          response.writeHead(400, { 'content-type': 'application/xml' }).end(errorOf('Odd', 'no '.repeat(7_000))),
        { 'max-errors': maxErrors },
      );
      assert.deepEqual(status.progress, { total: 1, error: 1 });
      assert.deepEqual(file.error, { source: 'aws', code: 'Odd' });
      assert.ok((file.message?.length ?? 0) < 2_100, `${file.message?.length} characters`);
      assert.match(file.message ?? '', /^Odd: no no .*… \(\d+ more characters\)$/);
      assert.equal(store.requests.filter((request) => !request.includes('list-type')).length, 1);
    });

  test('with a code of 20 kB is recorded with its beginning', async (t) => {
    const { file } = await loadFrom(t, 'long-code', (response) =>
      response.writeHead(400, { 'content-type': 'application/xml' }).end(errorOf('C'.repeat(20_000), 'no')),
    );
    assert.equal(file.error?.code, 'C'.repeat(64));
  });

  test('with the secrets of the request in its error has them nowhere but there', async (t) => {
    const token = 'IQoJb3JpZ2luX2VjE+Token/0123456789==';
    const lowerCase = encodeURIComponent(token).replace(/%../g, (octet) => octet.toLowerCase());
    const references = ['&#43;|&#47;|&#61;', '&#x2b;|&#x2f;|&#x3d;', '&#x2B;|&#x2F;|&#x3D;'].map((list) => {
      const [plus = '', slash = '', equals = ''] = list.split('|');
      return token.replaceAll('+', plus).replaceAll('/', slash).replaceAll('=', equals);
    });
    const echoed: string[] = [];
    const store = await startHostileStore(t, ({ url, headers }, response) => {
      const isListing = url?.includes('list-type') === true;
      if (isListing && url?.includes('echo-listing') !== true) {
        response.writeHead(200).end(listingPage(['Patient-code.ndjson', 'Patient-text.ndjson'], undefined, 100));
        return;
      }
      const said = `${headers['x-amz-security-token']} ${headers.authorization}`;
      echoed.push(...(/Signature=(\w+)/.exec(said)?.slice(1) ?? []));
      response.writeHead(400, { 'content-type': 'application/xml' });
      const body =
        url?.includes('code') === true
          ? errorOf(token, 'no')
          : errorOf('InvalidToken', `You sent ${said} ${lowerCase} ${references.join(' ')}`);
      // In two pieces, the secret in both.
      const middle = body.indexOf(token) + 10;
      response.write(body.slice(0, middle));
      setImmediate(() => response.end(body.slice(middle).replace('</Error>', `<Token-0>${token}</Token-0></Error>`)));
    });
    const account = { ...store.account, 'session-token': token };
    const call = await server.startLoad('echo-listing', { account });
    assert.match(
      call.body.error?.message ?? '',
      /You sent \*{3} AWS4-HMAC-SHA256 Credential=tester\/.*Signature=\*{3}/,
    );
    const status = await server.load('echo-object', { account });
    assert.deepEqual(status.progress, { total: 2, error: 2 });
    const { message } = await server.loaderFile('echo-object', 'Patient-text.ndjson');
    assert.match(message ?? '', /You sent \*{3} AWS4-HMAC-SHA256 Credential=tester\/.*Signature=\*{3}/);
    const rows = await server.sql('select resource::text from loaderfile');
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const seen = JSON.stringify([call, status, rows]) + metrics;
    assert.equal(echoed.length, 3);
    for (const secret of [token, lowerCase, ...echoed]) assert.ok(!seen.includes(secret), secret);
  });

  test('with an error without end fails the file', async (t) => {
    const { file, store } = await loadFrom(t, 'endless-error', (response) => {
      response.writeHead(400, { 'content-type': 'application/xml' });
      writeWithoutEnd(response, '<Code>x</Code>');
    });
    assert.deepEqual(file.error, { source: 'aws', code: 'AnswerTooLarge' });
    assert.ok(store.sent() < 64 * 1024 * 1024, `${store.sent()} bytes were taken`);
  });

  test('with more bytes than it listed fails the file', async (t) => {
    const { file } = await loadFrom(t, 'endless-object', (response) => {
      response.writeHead(200);
      writeWithoutEnd(response, '{"id":"a"}\n');
    });
    assert.equal(file.error?.code, 'PreconditionFailed');
    assert.deepEqual(await server.sql('select id from patient'), []);
  });
});

test('a text that is too long is cut between characters', () => {
  assert.equal(capText('short'), 'short');
  const cut = capText(`${'a'.repeat(1_999)}\u{1f600}${'b'.repeat(10)}`);
  assert.equal(cut, `${'a'.repeat(1_999)}… (12 more characters)`);
  assert.ok(cut.isWellFormed());
});
