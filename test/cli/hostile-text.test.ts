import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startHostileStore } from '../support/hostile-store.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { runCli, startCli } from './run-cli.ts';

const ACTIVE = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u;
const HOSTILE = 'Patient\t\u001b]52;c;cm0K\u0007\u009b2J\u202e\nerror  forged.ndjson';

const server = await startTestServer({ after });
await server.sql(
  `insert into loaderfile (id, txid, resource_type, status, resource)
   values ('hostile', 1, 'LoaderFile', 'created', $1)`,
  [
    {
      bucket: 's3://hospital',
      file: HOSTILE,
      type: 'Patient',
      size: 10,
      status: 'error',
      message: `42: ${HOSTILE}`,
      error: { source: 'aws', code: '42' },
    },
  ],
);
await server.sql(
  `insert into fhir_bucket_loader.bucket_load (bucket, options)
   values ('s3://hospital', '{"upsert?": false, "disable-idx?": false, "drop-primary-key?": false}')`,
);

for (const args of [
  ['files', 's3://hospital'],
  ['status', 's3://hospital'],
  ['status'],
  ['status', 's3://hospital', '--follow'],
])
  test(`${args.join(' ')}: what others have named moves no cursor and forges no line`, async () => {
    for (const more of [[], ['--json']]) {
      const { stdout, stderr } = await runCli([...args, ...more, '--url', server.url]);
      for (const line of `${stdout}${stderr}`.split('\n')) {
        assert.doesNotMatch(line.replaceAll('\t', ''), ACTIVE);
        assert.ok(!line.startsWith('error  forged'), line);
      }
      assert.ok(stdout.length > 0);
    }
    const table = await runCli(['files', 's3://hospital', '--url', server.url]);
    assert.deepEqual(
      table.stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split('\t').length),
      [6, 6],
      'the cells of a table stay parted by tabs',
    );
    const { stdout } = await runCli(['files', 's3://hospital', '--json', '--url', server.url]);
    assert.equal(JSON.parse(stdout).file, HOSTILE);
  });

test('the log holds no active character either', async (t) => {
  const database = await createTestDatabase(t);
  const served = startCli(['serve'], { DATABASE_URL: database.url, BOX_WEB_PORT: '0', S3_ALLOW_PRIVATE_HOSTS: 'true' });
  t.after(async () => {
    served.child.kill();
    await served.ended;
  });
  const url = await waitFor(() => /POST (http:[^"]*)\/rpc/.exec(served.stdout())?.[1], { what: 'the server' });
  const store = await startHostileStore(t, (_request, response) => {
    response.writeHead(400, { 'content-type': 'application/xml' });
    response.end('<Error><Code>marker \u009b2J \u202e</Code><Message>Odd</Message></Error>');
  });
  await fetch(`${url}/rpc`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      method: 'aidbox.bulk/load-from-bucket',
      params: { bucket: 's3://hostile', account: store.account },
    }),
  });
  await waitFor(() => served.stdout().includes('marker'), { what: 'the line about the error' });
  const line =
    served
      .stdout()
      .split('\n')
      .find((each) => each.includes('marker')) ?? '';
  assert.doesNotMatch(line, ACTIVE);
  assert.match(JSON.parse(line).code, /marker \u009b2J \u202e/);
});
