import type { EncounterFacts } from '../facts/care.ts';
import { addDays, date } from '../facts/instants.ts';
import { Random } from '../random.ts';
import { PAYERS } from '../vocabulary/other-codes.ts';
import type { Problem } from '../vocabulary/problem.ts';
import { PROBLEMS, ROUTINE_PROCEDURES, SOCIAL_FINDINGS } from '../vocabulary/problems.ts';

/** One note in this many is the whole stay written down day by day, some 40 kB long. */
const LONG_NOTE_IN = 400;
const LONG_NOTE_DAYS = 96;

/** The text of a history and physical note, in the sections Synthea writes. */
export function clinicalNote(seed: number, encounter: EncounterFacts): string {
  const { patient, problem } = encounter;
  const random = new Random(seed, 'clinical note', encounter.index);
  const history = patientHistory(seed, encounter.patientIndex);
  const age = Math.floor((encounter.start - patient.birth) / 31_557_600_000);
  const medications = history.problems.map((past) => past.medications[0]?.display.toLowerCase()).join('; ');
  const isLong = random.between(1, LONG_NOTE_IN) === 1;
  return `
${date(encounter.start)}

# Chief Complaint
- ${problem.complaint}
${random.chance(0.5) ? `- ${random.pick(PROBLEMS).complaint}\n` : ''}

# History of Present Illness
${patient.given[0]} ${patient.family}
 is a ${age} year-old ${patient.gender}. Patient has a history of ${history.sentence}.

# Social History
Patient is ${patient.prefix === undefined ? 'single' : 'married'}. Patient has never smoked.
 Patient identifies as heterosexual.

Patient comes from a middle socioeconomic background.
 Patient has completed some college courses.
Patient currently has ${random.pick(PAYERS)}.

# Allergies
No Known Allergies.

# Medications
${medications}

# Assessment and Plan
Patient is presenting with ${problem.display.toLowerCase()}.

## Plan

The following procedures were conducted:
${bullets(random, ROUTINE_PROCEDURES, random.between(1, 5))}${bullets(random, problem.procedures, 1)}The patient was prescribed the following medications:
${bullets(random, problem.medications, random.between(1, 2))}${isLong ? dailyProgress(random, encounter) : ''}`;
}

/** The same for every note of one patient, as the history is. */
function patientHistory(seed: number, patientIndex: number): { problems: readonly Problem[]; sentence: string } {
  const random = new Random(seed, 'patient history', patientIndex);
  const problems = distinct(random, PROBLEMS, random.between(2, 5));
  const findings = distinct(random, SOCIAL_FINDINGS, random.between(2, 5));
  const displays = [...problems, ...findings].map((past) => past.display.toLowerCase());
  return { problems, sentence: displays.join(', ') };
}

function distinct<T>(random: Random, list: readonly T[], picks: number): readonly T[] {
  return [...new Set(Array.from({ length: picks }, () => random.pick(list)))];
}

function bullets(random: Random, codes: readonly { display: string }[], count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += `- ${random.pick(codes).display.toLowerCase()}\n`;
  return text;
}

function dailyProgress(random: Random, encounter: EncounterFacts): string {
  const days = Array.from(
    { length: LONG_NOTE_DAYS },
    (_, day) => `
## Progress note, ${date(addDays(encounter.start, day))}
Patient reports ${random.pick(PROBLEMS).complaint.toLowerCase()}, pain ${random.between(0, 10)}/10, "slept ${random.between(2, 9)} hours".
Blood pressure ${random.between(98, 158)}/${random.between(60, 95)} mmHg, pulse ${random.between(52, 110)}/min, temperature ${random.between(360, 391) / 10} °C.
${bullets(random, ROUTINE_PROCEDURES, 2)}${bullets(random, random.pick(PROBLEMS).medications, 1)}`,
  );
  return `\n# Hospital Course\n${days.join('')}`;
}
