/**
 * Sends random, mostly mutated requests to POST /rpc of a server.
 *
 *   node test/fuzz/rpc-fuzz.ts [count] [seed]
 */

import { CORE_SCHEMA, load as parseYaml } from 'js-yaml';
import { Random } from '../../demo/fhir-data/random.ts';
import { toInteger } from '../../demo/parse-options.ts';
import { closeOnInterrupt } from '../support/close-on-interrupt.ts';
import { globalSetup, globalTeardown } from '../support/global-setup.ts';
import { LastFirst } from '../support/last-first.ts';
import { startTestServer } from '../support/test-server.ts';
import { type RawRequest, randomRequest } from './random-rpc.ts';

/** How many requests were answered with which status, and which of them wrongly. */
export interface RpcFuzzReport {
  readonly statuses: Record<string, number>;
  readonly findings: readonly string[];
}

/** Answers that these requests may get. 503 is not among them: the database is there. */
const EXPECTED = new Set([200, 400, 401, 404, 413, 415, 422]);
const HANG_MS = 30_000;
const AT_ONCE = 8;
const MOST_FINDINGS = 20;

/** Sends `count` requests to the server at `url`; the same seed gives the same requests. */
export async function fuzzRpc(url: string, count: number, seed: number): Promise<RpcFuzzReport> {
  const statuses: Record<string, number> = {};
  const findings: string[] = [];
  let next = 0;
  const slot = async () => {
    while (next < count && findings.length < MOST_FINDINGS) {
      const number = next++;
      const request = randomRequest(new Random(seed, 'rpc-fuzz', number));
      const { status, finding } = await send(url, request);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (finding === undefined) continue;
      const body = JSON.stringify(request.body.toString('latin1').slice(0, 600));
      findings.push(`${number}: ${finding}: ${request.path} ${JSON.stringify(request.headers)} ${body}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, slot));
  return { statuses, findings };
}

async function send(url: string, { path, headers, body }: RawRequest): Promise<{ status: string; finding?: string }> {
  try {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers,
      body: new Uint8Array(body),
      signal: AbortSignal.timeout(HANG_MS),
    });
    const text = await response.text();
    const finding = judge(response, text);
    return { status: String(response.status), ...(finding === undefined ? {} : { finding }) };
  } catch (error) {
    return { status: 'none', finding: `no answer: ${error instanceof Error ? (error.cause ?? error.message) : error}` };
  }
}

function judge(response: Response, text: string): string | undefined {
  const shown = `${response.status} ${text.slice(0, 300)}`;
  if (!EXPECTED.has(response.status)) return `unexpected ${shown}`;
  let answer: unknown;
  try {
    const yaml = response.headers.get('content-type')?.includes('yaml') === true;
    answer = yaml ? parseYaml(text, { schema: CORE_SCHEMA }) : JSON.parse(text);
  } catch {
    return `not parsable: ${shown}`;
  }
  const answers = Array.isArray(answer) ? answer : [answer];
  const allShaped = answers.every(
    (each: unknown) => typeof each === 'object' && each !== null && 'result' in each !== 'error' in each,
  );
  if (!allShaped) return `neither result nor error: ${shown}`;
  return JSON.stringify(answers).includes('Internal error') ? `an internal error: ${shown}` : undefined;
}

if (import.meta.main) {
  const count = toInteger('the count', process.argv[2], 20_000, 1);
  const seed = toInteger('the seed', process.argv[3], Date.now() % 2 ** 31, 0);
  console.log(`${count} requests, seed ${seed}`);
  const parts = new LastFirst();
  parts.after(globalTeardown);
  closeOnInterrupt(() => parts.close());
  await globalSetup();
  const server = await startTestServer(parts);
  const started = performance.now();
  const { statuses, findings } = await fuzzRpc(server.url, count, seed);
  await parts.close();
  console.table(statuses);
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s`);
  console.log(findings.length === 0 ? 'No findings' : findings.join('\n'));
  process.exitCode = findings.length === 0 ? 0 : 1;
}
