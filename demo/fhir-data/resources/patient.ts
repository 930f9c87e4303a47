import { DATA_END, date, dateTime } from '../facts/instants.ts';
import { streetLine } from '../facts/organizations.ts';
import { type PatientFacts, patientFacts } from '../facts/people.ts';
import { Random } from '../random.ts';
import { FAMILY_NAMES, FEMALE_NAMES } from '../vocabulary/names.ts';
import { CITIES, type City, STATE } from '../vocabulary/places.ts';
import { DEMO_SYSTEM, hl7Concept, US_CORE, usCore } from './fhir-elements.ts';

const OMB = 'urn:oid:2.16.840.1.113883.6.238';
const DEMO_EXTENSIONS = 'https://fhir-demo.example.org/StructureDefinition';
const RACES = [
  ['2106-3', 'White'],
  ['2106-3', 'White'],
  ['2054-5', 'Black or African American'],
  ['2028-9', 'Asian'],
  ['1002-5', 'American Indian or Alaska Native'],
] as const;
const ETHNICITIES = [
  ['2186-5', 'Not Hispanic or Latino'],
  ['2135-2', 'Hispanic or Latino'],
] as const;
const LANGUAGES = [
  ['en-US', 'English (United States)'],
  ['es', 'Español'],
  ['zh', '中文'],
  ['fr', 'Français'],
] as const;

export function patient(seed: number, index: number): object {
  const facts = patientFacts(seed, index);
  const random = new Random(seed, 'Patient', index);
  const isAdult = facts.prefix !== undefined;
  const city = random.pick(CITIES);
  const isMarried = isAdult && random.chance(0.55);
  const [languageCode, languageName] = random.chance(0.8) ? LANGUAGES[0] : random.pick(LANGUAGES);
  return {
    resourceType: 'Patient',
    id: facts.id,
    meta: usCore('patient'),
    text: {
      status: 'generated',
      div: `<div xmlns="http://www.w3.org/1999/xhtml">Made by the <a href="https://fhir-demo.example.org/generator">demo data generator</a>.\n .   Person: ${index}  Population seed: ${seed}</div>`,
    },
    extension: extensions(random, facts, city),
    identifier: identifiers(random, facts.id, isAdult),
    name: names(random, facts, isMarried),
    telecom: [{ system: 'phone', value: `555-${random.digits(3)}-${random.digits(4)}`, use: 'home' }],
    gender: facts.gender,
    birthDate: date(facts.birth),
    deceasedDateTime: facts.death === undefined ? undefined : dateTime(facts.death),
    address: [address(random, city)],
    maritalStatus: isMarried
      ? hl7Concept('v3-MaritalStatus', 'M', 'Married')
      : hl7Concept('v3-MaritalStatus', 'S', 'Never Married'),
    multipleBirthBoolean: random.chance(0.03),
    communication: [
      {
        language: {
          coding: [{ system: 'urn:ietf:bcp:47', code: languageCode, display: languageName }],
          text: languageName,
        },
      },
    ],
  };
}

function extensions(random: Random, facts: PatientFacts, city: City): readonly object[] {
  const years = (DATA_END - facts.birth) / 31_557_600_000;
  const lost = years * 0.1 * random.next();
  return [
    ombExtension('race', random.pick(RACES)),
    ombExtension('ethnicity', random.pick(ETHNICITIES)),
    {
      url: 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName',
      valueString: `${random.pick(FEMALE_NAMES)} ${random.pick(FAMILY_NAMES)}`,
    },
    { url: `${US_CORE}/us-core-birthsex`, valueCode: facts.gender === 'female' ? 'F' : 'M' },
    {
      url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace',
      valueAddress: { city: city.name, state: STATE.name, country: 'US' },
    },
    { url: `${DEMO_EXTENSIONS}/disability-adjusted-life-years`, valueDecimal: lost },
    { url: `${DEMO_EXTENSIONS}/quality-adjusted-life-years`, valueDecimal: years - lost },
  ];
}

function ombExtension(name: string, [code, display]: readonly [string, string]): object {
  return {
    url: `${US_CORE}/us-core-${name}`,
    extension: [
      { url: 'ombCategory', valueCoding: { system: OMB, code, display } },
      { url: 'text', valueString: display },
    ],
  };
}

function identifiers(random: Random, id: string, isAdult: boolean): readonly object[] {
  const always = [
    { system: DEMO_SYSTEM, value: id },
    typedIdentifier('MR', 'Medical Record Number', 'http://hospital.smarthealthit.org', id),
    typedIdentifier(
      'SS',
      'Social Security Number',
      'http://hl7.org/fhir/sid/us-ssn',
      `999-${random.digits(2)}-${random.digits(4)}`,
    ),
  ];
  if (!isAdult) return always;
  return [
    ...always,
    typedIdentifier('DL', "Driver's license number", 'urn:oid:2.16.840.1.113883.4.3.25', `S999${random.digits(5)}`),
    typedIdentifier(
      'PPN',
      'Passport Number',
      'http://standardhealthrecord.org/fhir/StructureDefinition/passportNumber',
      `X${random.digits(8)}X`,
    ),
  ];
}

function typedIdentifier(code: string, display: string, system: string, value: string): object {
  return { type: hl7Concept('v2-0203', code, display), system, value };
}

function names(random: Random, { family, given, prefix, gender }: PatientFacts, isMarried: boolean): readonly object[] {
  const prefixes = prefix === undefined ? undefined : [prefix];
  const official = { use: 'official', family, given, prefix: prefixes };
  if (gender === 'male' || !isMarried) return [official];
  return [official, { use: 'maiden', family: random.pick(FAMILY_NAMES), given, prefix: prefixes }];
}

function address(random: Random, city: City): object {
  return {
    extension: [
      {
        url: 'http://hl7.org/fhir/StructureDefinition/geolocation',
        extension: [
          { url: 'latitude', valueDecimal: city.latitude + random.next() / 10 },
          { url: 'longitude', valueDecimal: city.longitude - random.next() / 10 },
        ],
      },
    ],
    line: [streetLine(random)],
    city: city.name,
    state: STATE.code,
    postalCode: city.postalCode,
    country: 'US',
  };
}
