import { ACUTE_PROBLEMS } from './acute-problems.ts';
import { CHRONIC_PROBLEMS } from './chronic-problems.ts';
import { codeTable } from './code.ts';
import type { Problem } from './problem.ts';

/** Everything a patient of the demo data sees a clinician for. */
export const PROBLEMS: readonly Problem[] = [...CHRONIC_PROBLEMS, ...ACUTE_PROBLEMS];

/** SNOMED CT findings about how a patient lives, recorded as conditions without being treated. */
export const SOCIAL_FINDINGS = codeTable(`
  160903007 Full-time employment (finding)
  160904001 Part-time employment (finding)
  741062008 Not in labor force (finding)
  73595000 Stress (finding)
  423315002 Limited social contact (finding)
  422650009 Social isolation (finding)
  224299000 Received higher education (finding)
  105531004 Housing unsatisfactory (finding)
  713458007 Lack of access to transportation (finding)
  32911000 Homeless (finding)
`);

/** SNOMED CT procedures of a routine visit, done whatever the patient came for. */
export const ROUTINE_PROCEDURES = codeTable(`
  430193006 Medication reconciliation (procedure)
  171207006 Depression screening (procedure)
  710824005 Assessment of health and social care needs (procedure)
  710841007 Assessment of anxiety (procedure)
  428211000124100 Assessment of substance use (procedure)
  454711000124102 Depression screening using Patient Health Questionnaire Two-Item score (procedure)
  763302001 Assessment using Alcohol Use Disorders Identification Test - Consumption (procedure)
  866148006 Screening for domestic abuse (procedure)
  34043003 Dental consultation and report (procedure)
`);
