import type { DemoResourceType } from '../demo-resource-types.ts';
import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import type { Code } from '../vocabulary/code.ts';
import { PANEL_SIZE, PANELS, type Panel } from '../vocabulary/observation-panels.ts';
import type { Problem } from '../vocabulary/problem.ts';
import { PROBLEMS, SOCIAL_FINDINGS } from '../vocabulary/problems.ts';
import { DATA_END } from './instants.ts';
import { type PatientFacts, patientFacts } from './people.ts';
import { reachedIndex, referencedIndex } from './references.ts';

/** One visit: who came when, to which organization (and its practitioner and location), and why. */
export interface EncounterFacts {
  readonly index: number;
  readonly id: string;
  readonly patientIndex: number;
  readonly patient: PatientFacts;
  readonly organizationIndex: number;
  readonly problem: Problem;
  readonly isInpatient: boolean;
  readonly start: number;
  readonly end: number;
}

export function encounterFacts(seed: number, index: number): EncounterFacts {
  const random = new Random(seed, 'encounter facts', index);
  const patientIndex = referencedIndex(seed, 'Encounter', index, 'Patient');
  const patient = patientFacts(seed, patientIndex);
  // The square root moves visits towards the recent end of a life.
  const start = Math.floor(patient.birth + ((patient.death ?? DATA_END) - patient.birth) * Math.sqrt(random.next()));
  const isInpatient = random.chance(0.04);
  const minutes = isInpatient ? random.between(1, 9) * 1440 : random.between(1, 8) * 15;
  return {
    index,
    id: resourceId(seed, 'Encounter', index),
    patientIndex,
    patient,
    organizationIndex: referencedIndex(seed, 'Encounter', index, 'Organization'),
    problem: random.pick(PROBLEMS),
    isInpatient,
    start,
    end: start + minutes * 60_000,
  };
}

/** The visit that a resource of some type belongs to. */
export function encounterOf(seed: number, type: DemoResourceType, index: number): EncounterFacts {
  return encounterFacts(seed, referencedIndex(seed, type, index, 'Encounter'));
}

export interface ConditionFacts {
  readonly id: string;
  readonly encounter: EncounterFacts;
  readonly code: Code;
  /** Undefined for a social finding, which nobody prescribes anything for. */
  readonly problem: Problem | undefined;
}

export function conditionFacts(seed: number, index: number): ConditionFacts {
  const encounter = encounterOf(seed, 'Condition', index);
  const random = new Random(seed, 'condition facts', index);
  const problem = random.chance(0.7) ? encounter.problem : undefined;
  return {
    id: resourceId(seed, 'Condition', index),
    encounter,
    code: problem ?? random.pick(SOCIAL_FINDINGS),
    problem,
  };
}

/** The condition that a prescription or a procedure is for. */
export function conditionOf(seed: number, type: DemoResourceType, index: number): ConditionFacts {
  return conditionFacts(seed, referencedIndex(seed, type, index, 'Condition'));
}

/** Five observations in a row are one panel, measured at one visit. */
export interface PanelFacts {
  readonly encounter: EncounterFacts;
  readonly panel: Panel;
}

export function panelFacts(seed: number, observationIndex: number): PanelFacts {
  const first = observationIndex - (observationIndex % PANEL_SIZE);
  return {
    encounter: encounterOf(seed, 'Observation', first),
    panel: new Random(seed, 'panel facts', first).pick(PANELS),
  };
}

/** The observations a report is about: the last panel that is complete when the report exists. */
export function reportedObservations(seed: number, reportIndex: number): readonly number[] {
  const target = referencedIndex(seed, 'DiagnosticReport', reportIndex, 'Observation');
  const first = target - (target % PANEL_SIZE);
  const last = Math.min(first + PANEL_SIZE - 1, reachedIndex('DiagnosticReport', reportIndex, 'Observation'));
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
}
