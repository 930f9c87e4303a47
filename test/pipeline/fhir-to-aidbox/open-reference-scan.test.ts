import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OpenReferenceScan } from '../../../src/pipeline/fhir-to-aidbox/open-reference-scan.ts';

const NPI = 'Practitioner?identifier=http://x/npi|';
/** Lines, each with the URIs that a conversion of it asks for. */
const LINES: [line: string, uris: string[]][] = [
  [`{"id":"1","a":{"reference":"${NPI}1"},"b":{"reference":"urn:uuid:u-1"}}`, [`${NPI}1`, 'urn:uuid:u-1']],
  [`{"id":"2","a":{"reference" :\t"${NPI}\\u0032\\/é"}}`, [`${NPI}2/é`]],
  [`{"id":"3","a":{"uri":"Organization?identifier=3"}}`, ['Organization?identifier=3']],
  ['{"id":"4"}', []],
  [`{"id":"5","a":{"reference":"Location?identifier\\u003d5"}}`, ['Location?identifier=5']],
];
const text = Buffer.from(LINES.map(([line]) => line).join('\n'));

/** After each chunk: the URIs of the lines that have ended by then must have been found by it or be still remembered. */
function check(chunks: readonly Buffer[]): void {
  const scan = new OpenReferenceScan();
  let passed = 0;
  let ended = 0;
  for (const [n, chunk] of chunks.entries()) {
    const found = scan.take(chunk);
    passed += chunk.length;
    const before = text.subarray(0, passed).filter((byte) => byte === 0x0a).length;
    const now = n === chunks.length - 1 ? LINES.length : before;
    for (const [line, uris] of LINES.slice(ended, now)) {
      for (const uri of uris) assert.ok(found.has(uri), `${uri} of ${line} in chunk ${n} of ${chunks.length}`);
    }
    ended = now;
  }
}

describe('the open references of a file', () => {
  test('are found before their line ends, wherever the bytes are cut', () => {
    for (let at = 0; at <= text.length; at++) check([text.subarray(0, at), text.subarray(at)]);
    for (const size of [1, 2, 7, 64]) {
      check(Array.from({ length: Math.ceil(text.length / size) }, (_, n) => text.subarray(n * size, (n + 1) * size)));
    }
  });

  test('are not looked for in values of other keys, nor kept when they are too long', () => {
    const long = 'x'.repeat(2_000);
    const line = `{"id":"1234567890","text":"${NPI}1","value":"urn:uuid:1","reference":"Patient?identifier=${long}","note":["${NPI}2"]}\n`;
    assert.deepEqual([...new OpenReferenceScan().take(Buffer.from(line))], []);
  });

  test('of a line without an end are remembered up to a number', () => {
    const scan = new OpenReferenceScan();
    const chunkOf = (n: number) =>
      Buffer.from(Array.from({ length: 1_000 }, (_, k) => `{"reference":"urn:uuid:${n}-${k}"},`).join(''));
    let most = 0;
    for (let n = 0; n < 100; n++) most = Math.max(most, scan.take(chunkOf(n)).size);
    assert.ok(most > 1_000 && most <= 51_100, `${most} URIs`);
  });
});
