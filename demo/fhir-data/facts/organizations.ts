import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import { STREET_KINDS, STREET_NAMES } from '../vocabulary/names.ts';
import { CITIES, type City, ORGANIZATION_KINDS, ORGANIZATION_PREFIXES, STATE } from '../vocabulary/places.ts';

/** An organization has one location and one practitioner, all at the same index. */
export interface OrganizationFacts {
  readonly id: string;
  readonly locationId: string;
  readonly name: string;
  readonly phone: string;
  readonly city: City;
  readonly address: object;
}

export function organizationFacts(seed: number, index: number): OrganizationFacts {
  const random = new Random(seed, 'organization facts', index);
  const city = random.pick(CITIES);
  return {
    id: resourceId(seed, 'Organization', index),
    locationId: resourceId(seed, 'Location', index),
    name: `${random.pick(ORGANIZATION_PREFIXES)} ${random.pick(ORGANIZATION_KINDS)}`,
    phone: `218${random.digits(7)}`,
    city,
    address: {
      line: [streetLine(random).toUpperCase()],
      city: city.name.toUpperCase(),
      state: STATE.code,
      postalCode: `${city.postalCode}${random.digits(4)}`,
      country: 'US',
    },
  };
}

export function streetLine(random: Random): string {
  return `${random.between(100, 9999)} ${random.pick(STREET_NAMES)} ${random.pick(STREET_KINDS)}`;
}
