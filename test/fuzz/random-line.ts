import type { Random } from '../../demo/fhir-data/random.ts';

/** The type that the generated lines claim; one letter would do, but the loader's front path wants a real one. */
export const LINE_TYPE = 'Patient';

const SPACES = ['', '', '', '', ' ', '\t', '\r', ' \t\r '];
const ID_KEYS = ['"id"', '"id"', '"id"', '"\\u0069d"', '"i\\u0064"', '"\\u0069\\u0064"', '"\\u0069\\u0064"'];
const TYPE_KEYS = [
  '"resourceType"',
  '"resourceType"',
  '"\\u0072esourceType"',
  '"resource\\u0054ype"',
  '"resourceTyp\\u0065"',
];
const OTHER_KEYS = [
  '"a"',
  '"name"',
  '""',
  '"ID"',
  '"Id"',
  '"xid"',
  '"\\"id"',
  '",\\"id"',
  '"id "',
  '"i\\u0044"',
  '"docType"',
  '"xresourceType"',
  '"resourcetype"',
  '"\\\\id"',
  '"é\\u0069d"',
];
const SCALARS = [
  '1',
  '-0.5e+3',
  'true',
  'false',
  'null',
  '""',
  '"id"',
  '",\\"id\\":\\"x\\""',
  '"{"',
  '"]}"',
  '"\\\\"',
  '"\\\\\\""',
  '"\\u0000"',
  '"\\u006"',
  '"\\ud83d\\ude00"',
  '"\\u0064\\u0065"',
  '"é😀"',
  '"Patient"',
  '"resourceType"',
];
const IDS = [
  '"a"',
  '"x-1"',
  '"5f0c9c3e-2f0e-4b60-9d8e-0f9b8a0d3f11"',
  `"${'y'.repeat(64)}"`,
  `"${'\\u0061'.repeat(64)}"`,
  '"\\"quoted\\\\"',
  '"é😀"',
  '"\\ud83d\\ude00"',
];
const ODD_IDS = [
  '""',
  '1',
  'null',
  '{}',
  '["a"]',
  `"${'y'.repeat(65)}"`,
  '"\\ud83d"',
  '"\\u0000"',
  '"a\\u0000"',
  '"\\q"',
];
const ODD_TYPES = ['"Pat\\u0069ent"', '"Encounter"', '""', 'null', '{"id":"x"}', '"Patient "'];

/** A line that is a JSON object more often than not, with and without what the encoder must find or refuse. */
export function randomLine(random: Random): string {
  if (random.chance(0.03))
    return random.pick(['', ' ', '\t\r', '1', '"id"', '[]', '{}', '{ }', '[{"id":"x"}]', 'null']);
  const members = Array.from({ length: random.between(0, 4) }, () => otherMember(random, 0));
  if (random.chance(0.95)) insert(random, members, idMember(random));
  if (random.chance(0.85)) insert(random, members, typeMember(random));
  if (random.chance(0.04)) insert(random, members, idMember(random));
  if (random.chance(0.04)) insert(random, members, typeMember(random));
  if (random.chance(0.5)) {
    members.unshift(`"resourceType":"${LINE_TYPE}"`, `"id":${random.pick(IDS)}`);
    const kept = members.filter(
      (member, index) => index < 2 || !/^["\\]*(id|resourceType|\\u00)/.test(member.slice(1)),
    );
    if (random.chance(0.9)) return `{${kept.join(',')}}`;
  }
  const space = () => random.pick(SPACES);
  return `${space()}{${space()}${members.join(`${space()},${space()}`)}${space()}}${space()}`;
}

function insert(random: Random, members: string[], member: string): void {
  const at = random.chance(0.4) ? 0 : random.between(0, members.length);
  members.splice(at, 0, member);
}

function member(random: Random, key: string, value: string): string {
  return `${key}${random.pick(SPACES)}:${random.pick(SPACES)}${value}`;
}

function idMember(random: Random): string {
  return member(random, random.pick(ID_KEYS), random.chance(0.9) ? random.pick(IDS) : random.pick(ODD_IDS));
}

function typeMember(random: Random): string {
  return member(random, random.pick(TYPE_KEYS), random.chance(0.9) ? `"${LINE_TYPE}"` : random.pick(ODD_TYPES));
}

function otherMember(random: Random, depth: number): string {
  return member(random, random.pick(OTHER_KEYS), value(random, depth));
}

function value(random: Random, depth: number): string {
  if (depth > 2 || random.chance(0.5)) return random.pick(SCALARS);
  const space = () => random.pick(SPACES);
  const size = random.between(0, 3);
  if (random.chance(0.3))
    return `[${space()}${Array.from({ length: size }, () => value(random, depth + 1)).join(`${space()},`)}]`;
  const members = Array.from({ length: size }, () =>
    random.chance(0.3) ? idMember(random) : random.chance(0.2) ? typeMember(random) : otherMember(random, depth + 1),
  );
  return `{${space()}${members.join(`,${space()}`)}${space()}}`;
}
