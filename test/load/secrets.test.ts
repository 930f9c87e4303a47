import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import pg from 'pg';
import { lastFirst } from '../support/last-first.ts';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { startS3Endpoint } from '../support/s3-endpoint.ts';
import { S3FaultProxy } from '../support/s3-fault-proxy.ts';
import { ServerProcess } from '../support/server-process.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { asOwnRole } from '../support/test-role.ts';
import type { LoadStatus } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

/** The emulator takes any key; a real server its own. */
const SECRET_KEY = process.env['TEST_S3_SECRET_ACCESS_KEY'] ?? 'Sekret+Key/0123456789abcdefRECOGNISABLE';
const CLIENT_SECRET = 'client-Sekret-RECOGNISABLE';
const IN_BASIC = Buffer.from(`root:${CLIENT_SECRET}`).toString('base64');

const parts = lastFirst({ after });

describe('secrets of requests and of the environment', () => {
  test('are in no log, row, answer, metric or process argument, however a load ends', async () => {
    const database = await createTestDatabase(parts);
    const own = await asOwnRole(parts, database);
    const s3 = await startS3Endpoint(parts);
    const proxy = await S3FaultProxy.start(parts, s3);
    const server = await ServerProcess.start(parts, {
      databaseUrl: own.url,
      env: { LOG_LEVEL: 'trace', BOX_ROOT_CLIENT_SECRET: CLIENT_SECRET },
    });
    const answers: string[] = [];
    const call = async (method: string, params: object) => {
      const answer = await server.rpc(method, params, { authorization: `Basic ${IN_BASIC}` });
      answers.push(JSON.stringify(answer));
      return answer;
    };
    const bucket = await s3.createBucket();
    for (const name of ['good', 'forbidden', 'wrong-key', 'expired', 'broken']) {
      await s3.putObject(bucket, `Patient-${name}.ndjson.gz`, ndjsonGzip(patients(20, name)));
    }
    // By itself: on a busy machine its read-timeout would end other files and listings as well.
    const stalled = await s3.createBucket();
    await s3.putObject(stalled, 'Patient-stalled.ndjson.gz', ndjsonGzip(patients(20, 'stalled')));
    await s3.putObject(bucket, 'Patient-twice.ndjson', '{"id":"a"}\n{"id":"a"}\n');
    await s3.putObject(bucket, 'Patient-text.ndjson', 'no json\n');
    const codes: Record<string, { status: number; code: string }> = {
      forbidden: { status: 403, code: 'AccessDenied' },
      'wrong-key': { status: 403, code: 'SignatureDoesNotMatch' },
      expired: { status: 400, code: 'ExpiredToken' },
      broken: { status: 500, code: 'InternalError' },
    };
    proxy.rule = ({ key }) => {
      const name = /Patient-(.*)\.ndjson/.exec(key)?.[1] ?? '';
      if (name === 'stalled') return { kind: 'stall', afterBytes: 10 };
      const error = codes[name];
      return error === undefined ? undefined : { kind: 'error', ...error };
    };
    const account = { ...proxy.account, 'secret-access-key': SECRET_KEY };
    const load = { bucket: `s3://${bucket}`, account };

    // Calls that fail by themselves, in many ways.
    await call('load-from-bucket', { ...load, 'thread-num': 'many' });
    await call('load-from-bucket', { ...load, account: { ...account, token: SECRET_KEY, region: 7 } });
    await call('load-from-bucket', { ...load, account: { ...account, host: `http://root:${SECRET_KEY}@store` } });
    await call('load-from-bucket', { ...load, account: { ...account, host: 'http://127.0.0.1:1' } });
    await call('load-from-bucket', { ...load, bucket: 's3://bucket-that-is-not-there' });
    await call('no-such-method', load);
    const unreadable = await fetch(`${server.url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Basic ${IN_BASIC}` },
      body: `{"method":"x","params":{"account":{"secret-access-key":"${SECRET_KEY}"}},}`,
    });
    answers.push(await unreadable.text());
    const refused = await server.rpc('load-from-bucket', load, {
      authorization: `Basic ${Buffer.from(`root:${CLIENT_SECRET}x`).toString('base64')}`,
    });
    assert.equal(refused.status, 401);
    answers.push(JSON.stringify(refused));

    // Loads whose files fail in many ways, on a database whose connections are lost.
    assert.equal((await call('load-from-bucket', { ...load, 'max-errors': 0 })).status, 200);
    const slow = { ...load, bucket: `s3://${stalled}`, 'read-timeout': 500 };
    await waitFor(async () => (await call('load-from-bucket', slow)).status === 200, { what: 'a listing in time' });
    const client = new pg.Client(database.connection);
    await client.connect();
    parts.after(() => client.end());
    await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'fhir-bucket-loader'`,
    );
    for (const each of [bucket, stalled])
      await waitFor(
        async () => {
          const { body } = await call('load-from-bucket-status', { bucket: `s3://${each}` });
          const status = body.result as LoadStatus | undefined;
          return status?.state === 'completed';
        },
        { what: `the end of the load of ${each}` },
      );
    answers.push(
      await (await fetch(`${server.url}/LoaderFile`, { headers: { authorization: `Basic ${IN_BASIC}` } })).text(),
    );
    answers.push(
      await (await fetch(`${server.url}/metrics`, { headers: { authorization: `Basic ${IN_BASIC}` } })).text(),
    );
    assert.ok(answers.at(-1)?.includes('fhir_loader_failed_logins_total 1'));
    const programs = await commandLines(server.pid);
    const rows = await dumpTables(client);
    for (const code of ['AccessDenied', 'ReadTimeout', '23505']) assert.ok(rows.includes(code), code);
    assert.ok(programs.includes('src/server.ts'));
    assert.equal((await server.terminate()).code, 0);
    assert.ok(server.log.some(({ level }) => level >= 40));

    const places = { log: server.output, rows, answers: answers.join('\n'), 'process arguments': programs };
    const secrets = [SECRET_KEY, CLIENT_SECRET, IN_BASIC, own.connection.password ?? ''];
    for (const [place, text] of Object.entries(places)) {
      for (const secret of secrets) {
        const at = text.indexOf(secret);
        // The last answers may quote what the client itself got wrong, but never a secret.
        assert.equal(at, -1, `${place}: …${text.slice(Math.max(0, at - 200), at + 60)}`);
      }
    }
  });
});

/**
 * Arguments of a process and of those that it started, and the environment of none: that is the operator's own. Not of all
 * processes: on a machine with several test runs another one's secrets are there.
 */
async function commandLines(root: number): Promise<string> {
  const processes = await Promise.all(
    (await readdir('/proc').catch(() => []))
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const [stat = '', line = ''] = await Promise.all(
          ['stat', 'cmdline'].map((file) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '')),
        );
        // After the name in brackets, which may hold anything: state, parent.
        const [, parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return { pid: Number(name), parent: Number(parent), line: line.replaceAll('\0', ' ') };
      }),
  );
  const own = new Set([root]);
  for (let before = 0; before < own.size; ) {
    before = own.size;
    for (const { pid, parent } of processes) if (own.has(parent)) own.add(pid);
  }
  return processes
    .filter(({ pid }) => own.has(pid))
    .map(({ line }) => line)
    .join('\n');
}

/** Every row of every table, as text. */
async function dumpTables(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`,
  );
  const texts = [];
  for (const { name } of rows) {
    const table = await client.query<{ row: string }>(`select t::text as row from ${name} t`);
    texts.push(...table.rows.map(({ row }) => row));
  }
  return texts.join('\n');
}
