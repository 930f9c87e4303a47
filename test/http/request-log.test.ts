import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import Fastify, { type InjectOptions } from 'fastify';
import { ClientError } from '../../src/errors/client-error.ts';
import { FileError } from '../../src/errors/file-error.ts';
import { acceptBodyFormats } from '../../src/http/body-formats-plugin.ts';
import { handleErrors } from '../../src/http/error-handler.ts';
import { logRequests, requestLogOptions } from '../../src/http/request-log.ts';
import { loggerOptions } from '../../src/log-stream.ts';

const LOAD = 'aidbox.bulk/load-from-bucket';
const STATUS = 'aidbox.bulk/load-from-bucket-status';

describe('the request log', async () => {
  const lines: Record<string, unknown>[] = [];
  const app = Fastify({
    logger: { ...loggerOptions('debug'), stream: { write: (line: string) => void lines.push(JSON.parse(line)) } },
    ...requestLogOptions(),
  });
  after(() => app.close());
  logRequests(app);
  handleErrors(app);
  await acceptBodyFormats(app);
  app.get('/health', async () => 'ok');
  app.get('/broken', async () => {
    throw new Error('broken');
  });
  app.get('/refused', async () => {
    throw new FileError('AccessDenied: no (s3://b)', { source: 'aws', code: 'AccessDenied' });
  });
  app.get('/mistaken', async () => {
    throw new ClientError('not-found', 'No LoaderFile has this id.');
  });
  app.post('/rpc', async () => 'ok');

  const logged = async (request: InjectOptions) => {
    lines.length = 0;
    const answer = await app.inject(request);
    const [line = {}, ...more] = lines.filter(({ msg }) => msg === 'request');
    assert.deepEqual(more, []);
    assert.equal(line['reqId'], answer.headers['x-request-id']);
    return line;
  };
  const call = (payload: object) => logged({ method: 'POST', url: '/rpc?_m=x&token=hidden', payload });
  const INFO = 30;
  const DEBUG = 20;
  const WARN = 40;

  test('one line with method, path, RPC method, status and time', async () => {
    const line = await call({ method: LOAD, params: { bucket: 's3://b' } });
    const { level, method, path, rpc, status, ms } = line;
    assert.deepEqual([level, method, path, rpc, status], [INFO, 'POST', '/rpc', LOAD, 200]);
    assert.equal(typeof ms, 'number');
  });

  test('nothing of params, query or credentials', async () => {
    const account = { 'access-key-id': 'hidden', 'secret-access-key': 'hidden' };
    lines.length = 0;
    await app.inject({
      method: 'POST',
      url: '/rpc?token=hidden',
      headers: { authorization: 'Basic hidden' },
      payload: [{ method: LOAD, params: { account } }, { method: 'hidden' }],
    });
    assert.ok(!JSON.stringify(lines).includes('hidden'));
    assert.equal(lines[0]?.['rpc'], `${LOAD} unknown`);
  });

  test('what machines poll is for debug only', async () => {
    assert.equal((await logged({ url: '/health' }))['level'], DEBUG);
    assert.equal((await call({ method: STATUS }))['level'], DEBUG);
    assert.equal((await call([{ method: STATUS }, { method: STATUS }]))['level'], DEBUG);
    assert.equal((await call([{ method: STATUS }, { method: LOAD }]))['level'], INFO);
  });

  test("a server's fault is a warning", async () => {
    assert.deepEqual((await logged({ url: '/broken' }))['level'], WARN);
  });

  test('what a store refused the caller is a warning with its code, without a stack; the caller reads the rest', async () => {
    lines.length = 0;
    const answer = await app.inject({ url: '/refused' });
    assert.deepEqual(answer.json().error, { message: 'AccessDenied: no (s3://b)', code: 'AccessDenied' });
    const { level, code, err } = lines.find(({ msg }) => msg === 'request refused') ?? {};
    assert.deepEqual([level, code, err], [WARN, 'AccessDenied', undefined]);
    assert.ok(!JSON.stringify(lines).includes('"stack"'));
  });

  test("the caller's own mistake is no line besides the request's; what nobody expected has its stack", async () => {
    lines.length = 0;
    await app.inject({ url: '/mistaken' });
    assert.deepEqual(
      lines.map(({ msg, level }) => [msg, level]),
      [['request', INFO]],
    );
    await app.inject({ url: '/broken' });
    const failed = lines.find(({ msg }) => msg === 'request failed');
    assert.match(JSON.stringify(failed), /"stack":"Error: broken/);
  });

  test('keeps the id that a proxy gave, unless it is none', async () => {
    const withId = (id: string) => logged({ url: '/health', headers: { 'x-request-id': id } });
    assert.equal((await withId('proxy-1.2:3'))['reqId'], 'proxy-1.2:3');
    assert.match(String((await withId('two words'))['reqId']), /^[0-9a-f-]{36}$/);
    assert.match(String((await withId('x'.repeat(65)))['reqId']), /^[0-9a-f-]{36}$/);
  });
});
