import { codeTable } from './code.ts';

/** CVX. */
export const VACCINES = codeTable(`
  140 Influenza, seasonal, injectable, preservative free
  113 Td (adult), 5 Lf tetanus toxoid, preservative free, adsorbed
  115 Tdap
  133 Pneumococcal conjugate PCV 13
  33 pneumococcal polysaccharide vaccine, 23 valent
  121 zoster vaccine, live
  43 Hep B, adult
  08 Hep B, adolescent or pediatric
  62 HPV, quadrivalent
  114 meningococcal MCV4P
  03 MMR
  21 varicella
  20 DTaP
  10 IPV
  208 SARS-COV-2 (COVID-19) vaccine, mRNA, spike protein, LNP, preservative free, 30 mcg/0.3mL dose
`);

/** SNOMED CT. */
export const ALLERGENS = codeTable(`
  264287008 Animal dander (substance)
  260147004 House dust mite (organism)
  256277009 Grass pollen (substance)
  256349002 Peanut (substance)
  3718001 Cow's milk (substance)
  102263004 Eggs (edible) (substance)
  735029006 Shellfish (substance)
  111088007 Latex (substance)
  288328004 Bee venom (substance)
`);

/** SNOMED CT. */
export const REACTIONS = codeTable(`
  247472004 Wheal (finding)
  267036007 Dyspnea (finding)
  271807003 Eruption of skin (disorder)
  39579001 Anaphylaxis (disorder)
  418290006 Itching (finding)
  49727002 Cough (finding)
  76067001 Sneezing (finding)
  70076002 Rhinoconjunctivitis (disorder)
  62315008 Diarrhea (finding)
`);

/** SNOMED CT. */
export const DEVICES = codeTable(`
  337414009 Blood glucose meter (physical object)
  720253003 Home continuous positive airway pressure unit (physical object)
  228869008 Manual wheelchair (physical object)
  170615005 Home nebulizer (physical object)
  14106009 Cardiac pacemaker, device (physical object)
  705643001 Coronary artery stent (physical object)
  72506001 Implantable defibrillator, device (physical object)
  701100002 Polysomnography analyzer (physical object)
`);

/** NUCC provider taxonomy. */
export const SPECIALTIES = codeTable(`
  208D00000X General Practice Physician
  207Q00000X Family Medicine Physician
  207R00000X Internal Medicine Physician
  208000000X Pediatrics Physician
  207V00000X Obstetrics & Gynecology Physician
  207RC0000X Cardiovascular Disease Physician
  363L00000X Nurse Practitioner
  122300000X Dentist
`);

/** SNOMED CT visit types of ambulatory encounters. */
export const VISITS = codeTable(`
  185347001 Encounter for problem (procedure)
  390906007 Follow-up encounter (procedure)
  162673000 General examination of patient (procedure)
  185345009 Encounter for symptom (procedure)
  410620009 Well child visit (procedure)
  702927004 Urgent care clinic (environment)
  424441002 Prenatal initial visit (regime/therapy)
`);

export const PAYERS: readonly string[] = [
  'Medicare',
  'Medicaid',
  'Blue Cross Blue Shield',
  'UnitedHealthcare',
  'Humana',
  'Aetna',
  'NO INSURANCE',
];
