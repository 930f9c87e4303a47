import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import { FAMILY_NAMES, FEMALE_NAMES, MALE_NAMES } from '../vocabulary/names.ts';
import { addDays, DATA_END } from './instants.ts';

/** What other resources repeat about a patient. */
export interface PatientFacts {
  readonly id: string;
  readonly gender: 'female' | 'male';
  readonly prefix: string | undefined;
  readonly given: readonly [string, string];
  readonly family: string;
  readonly displayName: string;
  readonly birth: number;
  readonly death: number | undefined;
}

export function patientFacts(seed: number, index: number): PatientFacts {
  const random = new Random(seed, 'patient facts', index);
  const gender = random.chance(0.5) ? 'female' : 'male';
  const names = gender === 'female' ? FEMALE_NAMES : MALE_NAMES;
  const given = [random.pick(names), random.pick(names)] as const;
  const family = random.pick(FAMILY_NAMES);
  const birth = addDays(Date.UTC(1930, 0, 1), random.between(0, 89 * 365));
  const death = random.chance(0.15) ? addDays(birth, random.between(9000, 34000)) : DATA_END;
  const isAdult = birth < Date.UTC(2004, 0, 1);
  const prefix = isAdult ? (gender === 'male' ? 'Mr.' : random.pick(['Mrs.', 'Ms.'])) : undefined;
  const displayName = `${prefix === undefined ? '' : `${prefix} `}${given[0]} ${given[1]} ${family}`;
  return {
    id: resourceId(seed, 'Patient', index),
    gender,
    prefix,
    given,
    family,
    displayName,
    birth,
    death: death < DATA_END ? death : undefined,
  };
}

export interface PractitionerFacts {
  readonly npi: string;
  readonly gender: 'female' | 'male';
  readonly given: string;
  readonly family: string;
  readonly displayName: string;
}

export function practitionerFacts(seed: number, index: number): PractitionerFacts {
  const random = new Random(seed, 'practitioner facts', index);
  const gender = random.chance(0.5) ? 'female' : 'male';
  const given = random.pick(gender === 'female' ? FEMALE_NAMES : MALE_NAMES);
  const family = random.pick(FAMILY_NAMES);
  // Steps by a prime through nine digits: unique per practitioner, and unlike any number in the real registry.
  const npi = String(9_000_000_000 + ((index * 7919 + (seed >>> 0)) % 1_000_000_000));
  return { npi, gender, given, family, displayName: `Dr. ${given} ${family}` };
}
