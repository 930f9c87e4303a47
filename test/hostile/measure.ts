// node test/hostile/measure.ts [folder of another tree] [part of the attacks' names] [seconds]: what attacks by a store cost a server, in time, in memory and in the
// longest standstill of its event loop, which /health waits for. Each has a bound; the exit code is 1 when one is passed. Not a test: it measures.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { toInteger } from '../../demo/parse-options.ts';
import { closeOnInterrupt } from '../support/close-on-interrupt.ts';
import { globalSetup, globalTeardown } from '../support/global-setup.ts';
import { listingPage, startHostileStore, writeWithoutEnd } from '../support/hostile-store.ts';
import { type Closing, LastFirst } from '../support/last-first.ts';
import { createTestDatabase } from '../support/test-database.ts';

/** The limit is 100 ms; a busy machine gets more. */
const MOST_LAG_MS = 500;
const MOST_SECONDS = 120;
const MOST_MB = 1_300;
/** An attack that has not ended by then has won. */
const GIVE_UP_SECONDS = toInteger('the seconds', process.argv[4], 90, 1);

/** Size of the long lines; LINE_MB=60 is what the default lets through. */
const LINE_MB = Number(process.env['LINE_MB'] ?? 250);

interface Attack {
  name: string;
  answer: (url: string, response: ServerResponse, nth: number) => void;
  /** The call is cancelled after this, in ms. */
  cancelMs?: number;
  params?: object;
}

const xml = (response: ServerResponse, text: string) =>
  response.writeHead(200, { 'content-type': 'application/xml' }).end(text);
const oneLine = gzipSync(
  Buffer.concat([Buffer.from('{"id":"1","text":"'), Buffer.alloc(LINE_MB * 1e6, 'x'), Buffer.from('"}\n')]),
);
const isListing = (url: string) => url.includes('list-type');

const ATTACKS: readonly Attack[] = [
  {
    name: 'a page of a listing without end',
    answer: (_url, response) => {
      response.writeHead(200, { 'content-type': 'application/xml' });
      response.write('<ListBucketResult><Name>b</Name>');
      writeWithoutEnd(response, '<Contents><Key>Patient.ndjson</Key></Contents>');
    },
  },
  {
    name: 'an error without end',
    answer: (_url, response) => {
      response.writeHead(400, { 'content-type': 'application/xml' });
      writeWithoutEnd(response, '<Code>x</Code>');
    },
  },
  {
    name: 'pages without end, cancelled after 3 s',
    cancelMs: 3_000,
    answer: (_url, response, nth) =>
      xml(
        response,
        listingPage(
          Array.from({ length: 1_000 }, (_, n) => `${nth}/Patient-${n}.ndjson`),
          `t${nth}`,
        ),
      ),
  },
  {
    name: '40 keys of 1,000 letters',
    answer: (_url, response) =>
      xml(
        response,
        listingPage(Array.from({ length: 40 }, (_, n) => `${'a'.repeat(990)}${String(n).padStart(10, 'b')}.ndjsonx`)),
      ),
  },
  {
    name: 'an error message of 20 kB for an object',
    answer: (url, response) => {
      if (isListing(url)) xml(response, listingPage(['Patient.ndjson'], undefined, 100));
      else
        response
          .writeHead(400, { 'content-type': 'application/xml' })
          .end(`<Error><Code>Odd</Code><Message>${'no '.repeat(7_000)}</Message></Error>`);
    },
  },
  {
    name: `8 files that each unpack to a line of ${LINE_MB} MB`,
    params: { 'thread-num': 8, 'upsert?': true },
    answer: (url, response) => {
      if (isListing(url))
        xml(
          response,
          listingPage(
            Array.from({ length: 8 }, (_, n) => `Basic-${n}.ndjson.gz`),
            undefined,
            oneLine.length,
          ),
        );
      else response.writeHead(200, { etag: '"0123"' }).end(oneLine);
    },
  },
];

const tree = process.argv[2] ?? new URL('../..', import.meta.url).pathname;
const attacks = ATTACKS.filter(({ name }) => name.includes(process.argv[3] ?? ''));
if (attacks.length === 0)
  throw new Error(`none of the attacks is named so: ${ATTACKS.map(({ name }) => name).join(', ')}`);
let failed = false;
let parts = new LastFirst();
closeOnInterrupt(async () => {
  await parts.close();
  await globalTeardown();
});
await globalSetup();
try {
  for (const attack of attacks) {
    parts = new LastFirst();
    try {
      const { seconds, mb, lagMs, end } = await run(attack, parts);
      const bad = seconds > MOST_SECONDS || mb > MOST_MB || lagMs > MOST_LAG_MS || end === 'goes on';
      failed ||= bad;
      console.log(
        `| ${attack.name} | ${seconds.toFixed(1)} s | ${mb} MB | ${Math.round(lagMs)} ms | ${end} |${bad ? ' TOO MUCH' : ''}`,
      );
    } finally {
      await parts.close();
    }
  }
} finally {
  await globalTeardown();
}
process.exit(failed ? 1 : 0);

async function run(attack: Attack, t: Closing) {
  const database = await createTestDatabase(t);
  const store = await startHostileStore(t, (request, response) =>
    attack.answer(request.url ?? '', response, store.requests.length),
  );
  const server = spawn(process.execPath, [`${tree}/src/server.ts`], {
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('LOADER_'))),
      PATH: process.env['PATH'],
      DATABASE_URL: database.url,
      BOX_WEB_PORT: '0',
      S3_ALLOW_PRIVATE_HOSTS: 'true',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    server.kill('SIGKILL');
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  });
  const url = await urlOf(server);
  const rpc = async (method: string, params: object) => {
    const response = await fetch(`${url}/rpc`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        method: `aidbox.bulk/load-from-bucket${method}`,
        params: { bucket: 's3://hostile', ...params },
      }),
    });
    return (await response.json()) as { result?: { state?: string; progress?: object }; error?: { message: string } };
  };
  await standstillMs(url);
  const started = performance.now();
  const ended = (async () => {
    const call = rpc('', { account: store.account, ...attack.params });
    if (attack.cancelMs !== undefined) await sleep(attack.cancelMs).then(() => rpc('-cancel', {}));
    const { error } = await call;
    if (error !== undefined) return error.message.slice(0, 60);
    for (;;) {
      const { result } = await rpc('-status', {});
      if (result?.state !== 'in-progress') return JSON.stringify(result?.progress);
      await sleep(100);
    }
  })();
  ended.catch(() => {});
  const end = await Promise.race([ended, sleep(GIVE_UP_SECONDS * 1_000, 'goes on', { ref: false })]).catch(String);
  const seconds = (performance.now() - started) / 1_000;
  return { seconds, mb: peakMb(server), lagMs: await standstillMs(url), end };
}

async function urlOf(server: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of server.stdout ?? []) {
    text += chunk;
    const found = /POST (http:[^"]*)\/rpc/.exec(text)?.[1];
    if (found === undefined) continue;
    server.stdout?.resume();
    return found;
  }
  throw new Error(`the server did not start: ${text}`);
}

/** For how long the server's event loop stood still at most since it was asked last, in ms: what a probe of /health would wait. */
async function standstillMs(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  // Of the time between two samples, 100 ms apart.
  return 1_000 * Number(/^nodejs_eventloop_lag_max_seconds ([\d.e-]+)$/m.exec(text)?.[1] ?? Number.NaN) - 100;
}

/** The most memory that the process has had at once, in MB. */
function peakMb({ pid }: ChildProcess): number {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_000);
}
