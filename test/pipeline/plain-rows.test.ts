import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Random } from '../../demo/fhir-data/random.ts';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { PlainRowModule } from '../../src/pipeline/plain-row-module.ts';
import { PlainRows } from '../../src/pipeline/plain-rows.ts';
import type { EncoderOptions } from '../../src/pipeline/row-encoder.ts';
import { randomLine } from '../fuzz/random-line.ts';
import { cutAt } from './cut-at.ts';
import { testEncoder } from './encode.ts';

const module = new PlainRowModule();

type Given = Partial<EncoderOptions> & { chunkBytes?: number; streams?: number };

/** Line by line; many lines at once, copied into the module's memory and out of it; the same where they lie in that memory. */
type Way = 'single' | 'copied' | 'in place';

/** What stands behind a chunk in its slot, of the chunk before: if it were read as part of a line, the line would be another. */
const BEHIND = Buffer.from(' \t :"id":"twice","resourceType" : "Patient"\n'.repeat(4));

/** The chunks as they are unpacked: one after another into one buffer, which lies in the module's memory. */
function* inSlot(chunks: readonly Buffer[], slot: Buffer): Generator<Buffer> {
  for (const chunk of chunks) {
    if (chunk.length > slot.length) yield chunk;
    else {
      chunk.copy(slot);
      BEHIND.copy(slot, chunk.length);
      yield slot.subarray(0, chunk.length);
      const behind = slot.subarray(chunk.length, chunk.length + BEHIND.length);
      assert.ok(BEHIND.subarray(0, behind.length).equals(behind), 'nothing behind a chunk is changed');
    }
  }
}

/** What comes out of an encoder, and how it ended. */
function outcomeOf(given: readonly Buffer[], { chunkBytes = 4096, streams = 1, ...options }: Given, way: Way) {
  const transform = way === 'single' ? new IdentityTransform('Patient') : new IdentityTransform('Patient', module);
  const [slot, ...slots] = way === 'in place' ? module.slots : [];
  const buffers = new CopyBuffers(
    chunkBytes,
    slots.map((one) => one.subarray(0, chunkBytes)),
  );
  const encoder = testEncoder({ ...options, transform, buffers }, undefined, streams);
  const chunks = slot === undefined ? given : inSlot(given, slot);
  let error: unknown;
  try {
    for (const chunk of chunks) encoder.write(chunk);
    encoder.end();
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : thrown;
  }
  // Rows that are not handed on yet when a line fails are of no account.
  const output = error === undefined ? Buffer.concat(encoder.output).toString('latin1') : '';
  const lines =
    error === undefined ? Array.from({ length: encoder.rows }, (_, row) => encoder.lineMap.lineOf(row + 1)) : [];
  return { error, output, rows: error === undefined ? encoder.rows : 0, lines };
}

function assertSame(chunks: readonly Buffer[], options: Given = {}): ReturnType<typeof outcomeOf> {
  const expected = outcomeOf(chunks, options, 'single');
  for (const way of ['copied', 'in place'] as const) assert.deepEqual(outcomeOf(chunks, options, way), expected, way);
  return expected;
}

const line = (id: string, rest: string) => `{"resourceType":"Patient","id":"${id}",${rest}}`;

/** What may make a line unusual, and what only looks so. */
const rests = [
  '"active":true',
  '"name":[{"family":"x"}],"extension":[{"id":"inner","url":"u"},{"url":"v","id":"inner"}]',
  '"contained":[{"resourceType":"Patient","id":"c"},{"id":"d","resourceType":"Patient"}]',
  '"contained":[{"resourceType":"Patient","id":"c"},{"id":"d","resourceType":"Patient"}],"a":1',
  '"contained":[{"a":1,"id":"c"}],"b":[{"a":1 , "resourceType":"X"}],"id":"twice"',
  '"b":{"a":1,"id":"c"} , "resourceType" : "Patient"',
  '"a":"\\",\\"id\\":\\\\","b":[[{"z":"}]","id":"x"},{}],"{"],"c":1e5,"d":{"y":null,"id":2}',
  '"a" : {"b":1 ,"id" : 1}\t,\r"c" : true',
  '"a":{"b":1,"id":1},"\\u0069d":"twice"',
  '"a":{"b":"\\u0061","id":1},"c":"\\u0061"',
  '"a":{"b":1,"id":1},"c":1 2',
  '"a":{"b":1,"id":1},"c" 2,"d":{"e":1,"id":3}',
  '"a":{"b":1,"id":1}}}',
  '"a":{"b":1,"id":1}},"c":{"d":{"e":1,"id":2}',
  '"a":{"b":1,"id":1}} {"x":{"y":1,"id":2}',
  '"a":{"b":1,"id":1],"c":1',
  '"a":{"b":1,"id":1},',
  '"a":{"b":1,"id":1},c:{"b":1,"id":1}',
  '"a":x"b",{"b":1,"id":1}',
  '"a":,{"b":1,"id":1}',
  '"a":{"b":1,"id":1',
  '"a":{"b":1,"id":"1',
  '"a":1,"id":"twice"',
  '"a":1 , \t"id" \r : "twice"',
  '"a":1,"resourceType":"Patient"',
  '"a":1,"resourceType" : "Patient"',
  '"a":1,"\\u0069d":"twice"',
  '"a":1,"i\\u0064":"twice"',
  '"a":"\\u00e9\\u006e\\u0041"',
  '"text":"id\\",\\"id\\":\\"no\\""',
  '"valid":"Type","kind":"Ty","Type":"resourceType"',
  '"x":"é漢字 \u2028"',
];
const unusual = [
  '',
  ' ',
  '\r',
  '{"id":"p","resourceType":"Patient","a":1}',
  '\ufeff{"resourceType":"Patient","id":"bom","a":1}',
];

const anyLine = fc.oneof(
  fc
    .tuple(fc.stringMatching(/^[A-Za-z0-9.-]{1,70}$/), fc.constantFrom(...rests), fc.nat(200))
    .map(([id, rest, pad]) => line(id, `${rest},"pad":"${'x'.repeat(pad)}"`)),
  fc
    .tuple(fc.constantFrom('', 'a"b', 'é', 'a\\u0041', 'a\tb'), fc.constantFrom(...rests))
    .map(([id, rest]) => line(id, rest)),
  fc.constantFrom(...unusual),
  fc.constantFrom(...rests).map((rest) => `{"resourceType":"Patient","id":"end","rest":1}${rest}`),
  fc.integer().map((seed) => randomLine(new Random(seed, 'plain', 0))),
);

describe('rows of many lines at once are those of line by line', () => {
  test('whatever the lines, wherever they are cut, whatever room there is', () => {
    fc.assert(
      fc.property(
        fc.array(anyLine, { maxLength: 12 }),
        fc.array(fc.nat(3000), { maxLength: 5 }),
        fc.integer({ min: 20, max: 2000 }),
        fc.option(fc.integer({ min: 30, max: 400 }), { nil: 1e6 }),
        fc.option(fc.bigInt({ min: 0n, max: 1n << 62n }), { nil: undefined }),
        fc.boolean(),
        fc.integer({ min: 1, max: 5 }),
        (lines, cuts, chunkBytes, maxLineBytes, defaultTs, ends, streams) => {
          const bytes = Buffer.from(lines.join('\n') + (ends ? '\n' : ''));
          const constants = [
            { kind: 'int8' as const, value: 7n },
            { kind: 'text' as const, value: 'Patient' },
          ];
          assertSame(cutAt(bytes, cuts), { chunkBytes, maxLineBytes, defaultTs, constants, streams });
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('each kind of line by itself, at every cut', () => {
    for (const rest of rests) {
      const bytes = Buffer.from(`${line('a', '"b":1')}\n${line('p-1', rest)}\n${line('c', '"d":2')}\n`);
      for (let cut = 0; cut <= bytes.length; cut++) assertSame(cutAt(bytes, [cut]));
    }
  });

  test('more than its memory holds, in one piece: lines across its borders, longer than it, and as long as it', () => {
    const size = module.inputBytes;
    const lengths = [
      100,
      size - 60,
      200,
      size,
      size + 1,
      3 * size,
      50,
      ...Array.from({ length: 3000 }, (_, n) => 90 + (n % 700)),
    ];
    const bytes = Buffer.from(
      lengths.map((length, n) => `${line(`p${n}`, `"pad":"${'y'.repeat(length)}"`)}\n`).join(''),
    );
    const { rows } = assertSame([bytes], { chunkBytes: size, maxLineBytes: 1e9 });
    assert.equal(rows, lengths.length);
  });

  test('files of one thread in turn do not meet', () => {
    const [one, other] = ['Patient', 'Observation'].map((type) => {
      const text = Array.from(
        { length: 50 },
        (_, n) => `{"resourceType":"${type}","id":"${type}-${n}","n":${n}}\n`,
      ).join('');
      return { type, pieces: cutAt(Buffer.from(text), [300, 900, 1500]) };
    });
    assert.ok(one !== undefined && other !== undefined);
    const encoders = [one, other].map(({ type, pieces }) => ({
      pieces,
      plain: testEncoder({ transform: new IdentityTransform(type, module) }),
      single: testEncoder({ transform: new IdentityTransform(type) }),
    }));
    for (const at of one.pieces.keys()) {
      for (const { pieces, plain, single } of encoders) {
        for (const encoder of [plain, single]) encoder.write(pieces[at] ?? Buffer.alloc(0));
      }
    }
    for (const { plain, single } of encoders) {
      plain.end();
      single.end();
      assert.equal(Buffer.concat(plain.output).toString(), Buffer.concat(single.output).toString());
    }
  });

  test('for several streams as well: usual lines are all taken, and each goes where it goes line by line', () => {
    const ids = Array.from({ length: 300 }, (_, n) => `${n % 3 === 0 ? 'a-long-id-of-some-uuid-' : 'p'}${n}`);
    const text = ids.map((id) => `${line(id, '"b":1')}\n`).join('');
    for (const streams of [2, 4, 8]) assertSame([Buffer.from(text)], { chunkBytes: 500, streams });
    const rows = new PlainRows(module, 'Patient');
    rows.attach(Buffer.from(text));
    const options = { prefix: Buffer.alloc(10), maxLineBytes: 1e6 };
    const outputs = module.slots.slice(0, 4).map((out) => ({ out, at: 0 }));
    assert.equal(rows.write(0, options, outputs), ids.length);
    assert.ok(rows.bytes.every((bytes) => bytes > 0));
    // They could not all be copied from the one place that the module has for it.
    assert.equal(rows.write(0, options, [...outputs, { out: Buffer.alloc(1e5), at: 0 }]), 0);
  });

  test('usual lines are all taken, and none of the others', () => {
    const taken = (text: string) => {
      const rows = new PlainRows(module, 'Patient');
      rows.attach(Buffer.from(text));
      return rows.write(0, { prefix: Buffer.alloc(10), maxLineBytes: 1e6 }, [{ out: Buffer.alloc(1e5), at: 0 }]);
    };
    assert.equal(taken(`${line('a', '"b":[{"id":"x","u":1}]')}\n`.repeat(40)), 40);
    assert.equal(taken(`${line('a', '"b":1')}\n${line('b', '"b":1,"id":"c"')}\n`), 1);
    assert.equal(taken(`${line('a', '"b":1')}`), 0);
    const contained = '"contained":[{"resourceType":"Practitioner","id":"x"},{"a":1,"id":"y"}]';
    assert.equal(taken(`${line('a', `${contained},"b":1`)}\n`.repeat(40)), 40);
    assert.equal(taken(`${line('a', `"b":1,${contained}`)}\n`.repeat(40)), 40);
  });
});
