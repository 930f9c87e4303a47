import { panelFacts, reportedObservations } from '../facts/care.ts';
import { dateTime, instant } from '../facts/instants.ts';
import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import { BLOOD_PRESSURE, type Measurement, PANEL_SIZE, type Panel } from '../vocabulary/observation-panels.ts';
import {
  concept,
  hl7Concept,
  LOINC,
  organizationReference,
  practitionerReference,
  reference,
  subjectOf,
  TERMINOLOGY,
  usCore,
} from './fhir-elements.ts';
import { remarkOf } from './remarks.ts';

const UCUM = 'http://unitsofmeasure.org';
const PROFILES: Readonly<Record<Panel['category'], string>> = {
  laboratory: 'observation-lab',
  'vital-signs': 'vital-signs',
  survey: 'observation-screening-assessment',
};
const CATEGORY_NAMES: Readonly<Record<Panel['category'], string>> = {
  laboratory: 'Laboratory',
  'vital-signs': 'Vital signs',
  survey: 'Survey',
};

export function observation(seed: number, index: number): object {
  const { encounter, panel } = panelFacts(seed, index);
  const measurement = measurementOf(panel, index);
  const random = new Random(seed, 'Observation', index);
  return {
    resourceType: 'Observation',
    id: resourceId(seed, 'Observation', index),
    meta: usCore(PROFILES[panel.category]),
    status: 'final',
    category: [hl7Concept('observation-category', panel.category, CATEGORY_NAMES[panel.category])],
    code: concept(LOINC, measurement),
    subject: subjectOf(encounter),
    encounter: reference('Encounter', encounter.id),
    effectiveDateTime: dateTime(encounter.start),
    issued: instant(encounter.start),
    performer: [practitionerReference(seed, encounter.organizationIndex)],
    ...measuredValue(random, measurement, panel),
    note: remarkOf(random, encounter.end),
  };
}

function measurementOf(panel: Panel, index: number): Measurement {
  const measurement = panel.measurements[index % PANEL_SIZE];
  if (measurement === undefined) throw new RangeError(`Panel ${panel.code} has fewer than ${PANEL_SIZE} measurements`);
  return measurement;
}

function measuredValue(random: Random, measurement: Measurement, panel: Panel): object {
  const { low, high, unit, decimals } = measurement;
  if (measurement.code === BLOOD_PRESSURE) {
    return {
      component: [
        component('8462-4', 'Diastolic blood pressure', quantity(random.between(62, 94), unit)),
        component('8480-6', 'Systolic blood pressure', quantity(random.between(98, 158), unit)),
      ],
    };
  }
  const value = Number((low + random.next() * (high - low)).toFixed(decimals));
  if (panel.category !== 'laboratory') return { valueQuantity: quantity(value, unit) };
  const [normalLow, normalHigh] = [low + (high - low) * 0.1, high - (high - low) * 0.2].map((limit) =>
    Number((limit ?? 0).toFixed(decimals)),
  );
  const isHigh = normalHigh !== undefined && value > normalHigh;
  return {
    valueQuantity: quantity(value, unit),
    interpretation: [hl7Concept('v3-ObservationInterpretation', isHigh ? 'H' : 'N', isHigh ? 'High' : 'Normal')],
    referenceRange: [{ low: quantity(normalLow ?? 0, unit), high: quantity(normalHigh ?? 0, unit) }],
  };
}

function quantity(value: number, unit: string): object {
  return { value, unit, system: UCUM, code: unit };
}

function component(code: string, display: string, valueQuantity: object): object {
  return { code: concept(LOINC, { code, display }), valueQuantity };
}

export function diagnosticReport(seed: number, index: number): object {
  const observations = reportedObservations(seed, index);
  const { encounter, panel } = panelFacts(seed, observations[0] ?? 0);
  return {
    resourceType: 'DiagnosticReport',
    id: resourceId(seed, 'DiagnosticReport', index),
    meta: usCore('diagnosticreport-lab'),
    status: 'final',
    category: [
      { coding: [{ system: `${TERMINOLOGY}/v2-0074`, code: 'LAB', display: 'Laboratory' }] },
      { coding: [{ system: LOINC, code: '26436-6', display: 'Laboratory studies (set)' }] },
    ],
    code: concept(LOINC, panel),
    subject: subjectOf(encounter),
    encounter: reference('Encounter', encounter.id),
    effectiveDateTime: dateTime(encounter.start),
    issued: instant(encounter.start),
    performer: [
      practitionerReference(seed, encounter.organizationIndex),
      organizationReference(seed, encounter.organizationIndex),
    ],
    result: observations.map((observed) =>
      reference('Observation', resourceId(seed, 'Observation', observed), measurementOf(panel, observed).display),
    ),
  };
}
