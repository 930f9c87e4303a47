import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadAll } from 'js-yaml';
import { patients } from '../support/ndjson.ts';
import { startTestServer, type TestServer } from '../support/test-server.ts';

interface Job {
  spec: { template: { spec: { containers: [{ args: [string]; env: { name: string; value?: string }[] }] } } };
}

describe('the script of the Job', () => {
  const source = readFileSync(new URL('../../deploy/kubernetes/load-job.yaml', import.meta.url), 'utf8');
  const [container] = (loadAll(source) as [Job])[0].spec.template.spec.containers;

  const runJob = async (
    t: TestContext,
    objects: Parameters<TestServer['bucketOf']>[0],
    { url, address = '127.0.0.1' }: { url?: string; address?: string } = {},
  ) => {
    const secret = 'of the job';
    const server = await startTestServer(t, { env: { BOX_ROOT_CLIENT_SECRET: secret, BOX_WEB_HOST: address } });
    const bucket = await server.bucketOf(objects);
    const bin = await mkdtemp(join(tmpdir(), 'job-'));
    t.after(() => rm(bin, { recursive: true }));
    // DNS of the cluster: one replica.
    await writeFile(
      join(bin, 'getent'),
      `#!/bin/sh\n[ "$1 $2" = "ahosts fhir-bucket-loader-replicas" ] && printf '%s STREAM\\n%s DGRAM\\n' ${address} ${address}\n`,
    );
    await chmod(join(bin, 'getent'), 0o755);
    // The image's link.
    const command = fileURLToPath(new URL('../../bin/fhir-bucket-loader.cjs', import.meta.url));
    await symlink(command, join(bin, 'fhir-bucket-loader'));
    const { account } = server.s3;
    const child = spawn('sh', ['-euc', container.args[0]], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: {
        ...Object.fromEntries(container.env.map(({ name, value = '' }) => [name, value])),
        PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}`,
        BUCKET: `s3://${bucket}`,
        OPTIONS: '--thread-num 2',
        SERVICE: address === '::1' ? '[::1]' : address,
        PORT: new URL(url ?? server.url).port,
        BOX_ROOT_CLIENT_SECRET: secret,
        AWS_ACCESS_KEY_ID: account['access-key-id'],
        AWS_SECRET_ACCESS_KEY: account['secret-access-key'],
        AWS_REGION: account.region,
        AWS_ENDPOINT_URL_S3: account.host,
      },
    });
    const output: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
    const [code] = await once(child, 'close');
    return { code, output: Buffer.concat(output).toString() };
  };

  for (const [what, objects, code] of [
    ['0 when every file is loaded', { 'Patient.ndjson.gz': patients(3) }, 0],
    ['2 when a file failed', { 'Patient-1.ndjson': patients(1), 'Patient-2.ndjson': 'no json' }, 2],
  ] as const)
    test(`ends with ${what}`, async (t) => {
      const ended = await runJob(t, objects);
      assert.equal(ended.code, code, ended.output);
    });

  test('reaches replicas by IPv6', async (t) => {
    const ended = await runJob(t, { 'Patient.ndjson.gz': patients(3) }, { address: '::1' });
    assert.equal(ended.code, 0, ended.output);
  });

  test('ends with 4 when a replica is not there', async (t) => {
    const ended = await runJob(t, {}, { url: 'http://127.0.0.1:1' });
    assert.equal(ended.code, 4, ended.output);
  });
});
