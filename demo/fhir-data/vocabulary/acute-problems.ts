import { type Problem, problem } from './problem.ts';

const ACETAMINOPHEN = '313782 acetaminophen 325 MG Oral Tablet';
const IBUPROFEN = '310965 ibuprofen 200 MG Oral Tablet';
const AUGMENTIN = '562251 amoxicillin 250 MG / clavulanate 125 MG Oral Tablet';

export const ACUTE_PROBLEMS: readonly Problem[] = [
  problem('444814009 Viral sinusitis (disorder)', 'Nasal Congestion', {
    medications: [ACETAMINOPHEN],
    procedures: ['386053000 Evaluation procedure (procedure)'],
  }),
  problem('75498004 Acute bacterial sinusitis (disorder)', 'Facial Pain', {
    medications: [AUGMENTIN, '308182 amoxicillin 250 MG Oral Capsule'],
    procedures: ['386053000 Evaluation procedure (procedure)'],
  }),
  problem('195662009 Acute viral pharyngitis (disorder)', 'Sore Throat', {
    medications: [ACETAMINOPHEN, IBUPROFEN],
    procedures: ['117015009 Throat culture (procedure)'],
  }),
  problem('43878008 Streptococcal sore throat (disorder)', 'Sore Throat', {
    medications: ['834061 penicillin V potassium 250 MG Oral Tablet'],
    procedures: ['117015009 Throat culture (procedure)'],
  }),
  problem('10509002 Acute bronchitis (disorder)', 'Cough', {
    medications: [ACETAMINOPHEN],
    procedures: [
      '23426006 Measurement of respiratory function (procedure)',
      '269911007 Sputum examination (procedure)',
    ],
  }),
  problem('65363002 Otitis media (disorder)', 'Ear Pain', {
    medications: [AUGMENTIN, IBUPROFEN],
    procedures: ['76517002 Endoscopy of ear (procedure)'],
  }),
  problem('301011002 Escherichia coli urinary tract infection (disorder)', 'Frequent Urination', {
    medications: [
      '311989 nitrofurantoin 5 MG/ML Oral Suspension',
      '1094107 phenazopyridine hydrochloride 100 MG Oral Tablet',
    ],
    procedures: ['27171005 Urinalysis (procedure)'],
  }),
  problem('72892002 Normal pregnancy (finding)', 'Missed Period', {
    medications: ['310325 ferrous sulfate 325 MG Oral Tablet'],
    procedures: [
      '252160004 Standard pregnancy test (procedure)',
      '169230002 Ultrasound scan for fetal viability (procedure)',
      '274804006 Evaluation of uterine fundal height (procedure)',
      '225158009 Auscultation of the fetal heart (procedure)',
    ],
  }),
  problem('44465007 Sprain of ankle (disorder)', 'Ankle Pain', {
    medications: [IBUPROFEN, ACETAMINOPHEN],
    procedures: ['274474001 Bone immobilization (procedure)'],
  }),
  problem('65966004 Fracture of forearm (disorder)', 'Arm Pain', {
    medications: ['1049221 acetaminophen 325 MG / oxycodone hydrochloride 5 MG Oral Tablet'],
    procedures: ['1225002 Upper arm X-ray (procedure)', '274474001 Bone immobilization (procedure)'],
  }),
  problem('840539006 Disease caused by severe acute respiratory syndrome coronavirus 2 (disorder)', 'Fever', {
    medications: [ACETAMINOPHEN],
    procedures: ['371908008 Oxygen administration by mask (procedure)'],
  }),
  problem('66383009 Gingivitis (disorder)', 'Bleeding Gums', {
    medications: ['1535362 sodium fluoride 0.0272 MG/MG Oral Gel'],
    procedures: ['234713009 Dental fluoride treatment (procedure)', '225362009 Dental care (regime/therapy)'],
  }),
];
