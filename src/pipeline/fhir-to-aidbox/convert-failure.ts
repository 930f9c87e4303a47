/** Why a line cannot be converted, and where in the resource. */
export type ConvertFailureCode =
  | 'not-json'
  | 'two-forms'
  | 'nested-too-deep'
  | 'last-updated-invalid'
  | 'last-updated-missing';

export interface ConvertFailure {
  code: ConvertFailureCode;
  /** The FHIR path, as `Observation.component[0].valueQuantity`. */
  path: string;
  /** Of `two-forms`: the two keys that say one thing. */
  keys?: readonly [string, string];
}
