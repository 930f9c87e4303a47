import { type Problem, problem } from './problem.ts';

const EPOETIN = '205923 1 ML Epoetin Alfa 4000 UNT/ML Injection [Epogen]';
const METFORMIN = '860975 24 HR Metformin hydrochloride 500 MG Extended Release Oral Tablet';
const HUMULIN =
  '106892 insulin isophane, human 70 UNT/ML / insulin, regular, human 30 UNT/ML Injectable Suspension [Humulin]';
const ALBUTEROL = '630208 albuterol 0.83 MG/ML Inhalation Solution';

export const CHRONIC_PROBLEMS: readonly Problem[] = [
  problem('59621000 Essential hypertension (disorder)', 'Headache', {
    medications: [
      '314076 lisinopril 10 MG Oral Tablet',
      '197361 amlodipine 5 MG Oral Tablet',
      '310798 hydrochlorothiazide 25 MG Oral Tablet',
    ],
    procedures: ['29303009 Electrocardiographic procedure (procedure)'],
  }),
  problem('44054006 Diabetes mellitus type 2 (disorder)', 'Thirst', {
    medications: [METFORMIN, HUMULIN],
    procedures: ['401191002 Diabetic foot examination (procedure)', '134395001 Diabetic retinal eye exam (procedure)'],
  }),
  problem('55822004 Hyperlipidemia (disorder)', 'No complaints', {
    medications: ['314231 simvastatin 10 MG Oral Tablet', '617311 atorvastatin 40 MG Oral Tablet'],
    procedures: ['11816003 Diet education (procedure)'],
  }),
  problem('195967001 Asthma (disorder)', 'Wheezing', {
    medications: [
      ALBUTEROL,
      '351109 budesonide 0.25 MG/ML Inhalation Suspension',
      '895994 120 ACTUAT fluticasone propionate 0.044 MG/ACTUAT Metered Dose Inhaler',
    ],
    procedures: ['127783003 Spirometry (procedure)'],
  }),
  problem('433144002 Chronic kidney disease stage 3 (disorder)', 'Fatigue', {
    medications: [EPOETIN, '313988 furosemide 40 MG Oral Tablet'],
    procedures: ['265764009 Renal dialysis (procedure)'],
  }),
  problem('46177005 End-stage renal disease (disorder)', 'Swelling', {
    medications: [EPOETIN],
    procedures: ['265764009 Renal dialysis (procedure)'],
  }),
  problem('271737000 Anemia (disorder)', 'Pallor', {
    medications: ['310325 ferrous sulfate 325 MG Oral Tablet', EPOETIN],
    procedures: ['26604007 Complete blood count (procedure)'],
  }),
  problem('84114007 Heart failure (disorder)', 'Shortness of Breath', {
    medications: [
      '866412 24 HR metoprolol succinate 100 MG Extended Release Oral Tablet',
      '313988 furosemide 40 MG Oral Tablet',
    ],
    procedures: ['40701008 Echocardiography (procedure)', '399208008 Plain X-ray of chest (procedure)'],
  }),
  problem('49436004 Atrial fibrillation (disorder)', 'Palpitations', {
    medications: ['855332 warfarin sodium 5 MG Oral Tablet', '197604 digoxin 0.125 MG Oral Tablet'],
    procedures: ['180325003 Electrical cardioversion (procedure)'],
  }),
  problem('414545008 Ischemic heart disease (disorder)', 'Chest Pressure', {
    medications: ['309362 clopidogrel 75 MG Oral Tablet', '705129 nitroglycerin 0.4 MG/ACTUAT Mucosal Spray'],
    procedures: ['415070008 Percutaneous coronary intervention (procedure)'],
  }),
  problem('13645005 Chronic obstructive lung disease (disorder)', 'Cough', {
    medications: [
      ALBUTEROL,
      '896209 60 ACTUAT fluticasone propionate 0.25 MG/ACTUAT / salmeterol 0.05 MG/ACTUAT Dry Powder Inhaler',
    ],
    procedures: ['15081005 Pulmonary rehabilitation (regime/therapy)', '127783003 Spirometry (procedure)'],
  }),
  problem('254637007 Non-small cell lung cancer (disorder)', 'Coughing up Blood', {
    medications: ['1736854 cisplatin 50 MG Injection', '583214 paclitaxel 100 MG Injection'],
    procedures: ['703423002 Combined chemotherapy and radiation therapy (procedure)'],
  }),
  problem('239873007 Osteoarthritis of knee (disorder)', 'Joint Pain', {
    medications: ['849574 naproxen sodium 220 MG Oral Tablet', '198440 acetaminophen 500 MG Oral Tablet'],
    procedures: ['91251008 Physical therapy procedure (regime/therapy)'],
  }),
  problem('370143000 Major depressive disorder (disorder)', 'Low Mood', {
    medications: ['310385 fluoxetine 20 MG Oral Capsule', '312941 sertraline 50 MG Oral Tablet'],
    procedures: ['228557008 Cognitive and behavioral therapy (regime/therapy)'],
  }),
];
