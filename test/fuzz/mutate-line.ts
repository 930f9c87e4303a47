import type { Random } from '../../demo/fhir-data/random.ts';

/** Bytes that mean something to JSON or to UTF-8. */
const TELLING_BYTES = Buffer.concat([
  Buffer.from('"\\{}[]:, \t\r\0idTu0569x-'),
  Buffer.from([0x1f, 0x7f, 0x80, 0xc3, 0xed, 0xf0, 0xff]),
]);
const TELLING_PIECES = [
  '"id"',
  ',"id":"y"',
  '"id":"y",',
  ',"resourceType":"Patient"',
  '\\u006',
  '\\u0000',
  '\\"',
  '{"',
  '"}',
  ',,',
  '\ufeff',
];

/** The line with one change, seldom two or three. It holds no line feed. */
export function mutateLine(random: Random, line: Buffer): Buffer {
  let mutated = mutateOnce(random, line);
  while (random.chance(0.15)) mutated = mutateOnce(random, mutated);
  return mutated;
}

function mutateOnce(random: Random, line: Buffer): Buffer {
  const at = random.chance(0.5) ? random.between(0, Math.max(0, line.length - 1)) : structuralPlace(random, line);
  const before = line.subarray(0, at);
  const after = line.subarray(at + 1);
  const byte = line.subarray(at, at + 1);
  switch (random.between(0, 8)) {
    case 0:
      return Buffer.concat([before, flipped(random, byte), after]);
    case 1:
      return Buffer.concat([before, after]);
    case 2:
      return Buffer.concat([before, tellingByte(random), byte, after]);
    case 3:
      return Buffer.concat([before, byte, byte, after]);
    case 4:
      return Buffer.concat([before, tellingByte(random), after]);
    case 5:
      return Buffer.concat([before, Buffer.from(random.pick(TELLING_PIECES)), byte, after]);
    case 6:
      return Buffer.concat([line.subarray(0, random.between(0, line.length)), line.subarray(at)]);
    case 7:
      return Buffer.concat([before, Buffer.from(','), byte, after]);
    default:
      return Buffer.from(line.subarray(0, at));
  }
}

/** The place of a bracket, quote, comma, colon or backslash, where a change of one byte changes the most. */
function structuralPlace(random: Random, line: Buffer): number {
  const places = [...line.toString('latin1').matchAll(/["{}[\],:\\]/g)];
  return places.length === 0 ? 0 : random.pick(places).index;
}

function tellingByte(random: Random): Buffer {
  const at = random.between(0, TELLING_BYTES.length - 1);
  return TELLING_BYTES.subarray(at, at + 1);
}

function flipped(random: Random, byte: Buffer): Buffer {
  const bits = (byte[0] ?? 0) ^ (1 << random.between(0, 7));
  return Buffer.from([bits === 0x0a ? 0x0b : bits]);
}
