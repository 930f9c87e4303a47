import { type Code, codeOf } from './code.ts';

/** A SNOMED CT condition with what a clinician does about it: RxNorm drugs and SNOMED CT procedures. */
export interface Problem extends Code {
  readonly complaint: string;
  readonly medications: readonly Code[];
  readonly procedures: readonly Code[];
}

export function problem(
  condition: string,
  complaint: string,
  treatment: { medications: readonly string[]; procedures: readonly string[] },
): Problem {
  return {
    ...codeOf(condition),
    complaint,
    medications: treatment.medications.map(codeOf),
    procedures: treatment.procedures.map(codeOf),
  };
}
