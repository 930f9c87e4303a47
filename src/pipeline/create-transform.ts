import { IdentityTransform } from './identity-transform.ts';
import type { LineTransform } from './transform.ts';

/** How a file's lines become rows. Plain data: it crosses to a worker thread. */
export type TransformName = 'identity';

/** @param resourceType the type that the file's name promises, in FHIR's spelling */
export function createTransform(name: TransformName, resourceType: string): LineTransform {
  switch (name) {
    case 'identity':
      return new IdentityTransform(resourceType);
  }
}
