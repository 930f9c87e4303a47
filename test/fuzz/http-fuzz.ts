// pip install schemathesis
// node test/fuzz/http-fuzz.ts [examples for each operation] [seed]
//
// Has schemathesis try all of the HTTP surface: no answer may be 500, none may be undocumented, and the server goes on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeOnInterrupt } from '../support/close-on-interrupt.ts';
import { globalSetup, globalTeardown } from '../support/global-setup.ts';
import { LastFirst } from '../support/last-first.ts';
import { startTestServer } from '../support/test-server.ts';
import { openApi } from './openapi.ts';

const [examples = '200', seed = '1'] = process.argv.slice(2);
const parts = new LastFirst();
const folder = await mkdtemp(join(tmpdir(), 'http-fuzz-'));
parts.after(() => rm(folder, { recursive: true, force: true }));
parts.after(globalTeardown);
closeOnInterrupt(() => parts.close());
await globalSetup();
try {
  const server = await startTestServer(parts, { env: { S3_ALLOW_PRIVATE_HOSTS: 'false' } });
  const schema = join(folder, 'openapi.json');
  await writeFile(schema, JSON.stringify(openApi()));
  const fuzzer = spawn(
    process.env['SCHEMATHESIS'] ?? 'schemathesis',
    [
      'run',
      schema,
      '--url',
      server.url,
      '--checks',
      'not_a_server_error,status_code_conformance',
      '--phases',
      'examples,coverage,fuzzing',
      '--max-examples',
      examples,
      '--seed',
      seed,
      '--request-timeout',
      '30',
      '--no-color',
      '--suppress-health-check',
      'all',
    ],
    { stdio: 'inherit', cwd: folder },
  );
  const [code] = await once(fuzzer, 'close');
  const health = await fetch(`${server.url}/health`);
  console.log(`/health answers ${health.status}`);
  process.exitCode = code === 0 && health.ok ? 0 : 1;
} finally {
  await parts.close();
}
