import type { Code } from './code.ts';

/** One LOINC measurement with the values it takes in a mostly healthy population. */
export interface Measurement extends Code {
  readonly unit: string;
  readonly low: number;
  readonly high: number;
  readonly decimals: number;
}

export interface Panel extends Code {
  readonly category: 'laboratory' | 'vital-signs' | 'survey';
  readonly measurements: readonly Measurement[];
}

/** Every panel has this many measurements, so that consecutive observations can be grouped into panels by index. */
export const PANEL_SIZE = 5;

function panel(category: Panel['category'], code: string, display: string, table: string): Panel {
  const measurements = table
    .trim()
    .split('\n')
    .map((line): Measurement => {
      const [id = '', name = '', unit = '', low = '', high = ''] = line.split('|').map((cell) => cell.trim());
      return {
        code: id,
        display: name,
        unit,
        low: Number(low),
        high: Number(high),
        decimals: low.split('.')[1]?.length ?? 0,
      };
    });
  return { category, code, display, measurements };
}

export const BLOOD_PRESSURE = '85354-9';

export const PANELS: readonly Panel[] = [
  panel(
    'vital-signs',
    '85353-1',
    'Vital signs, weight, height, head circumference, oxygen saturation and BMI panel',
    `
    85354-9 | Blood pressure panel with all children optional | mm[Hg] | 60 | 140
    8867-4  | Heart rate | /min | 55 | 102
    9279-1  | Respiratory rate | /min | 11 | 20
    29463-7 | Body Weight | kg | 45.0 | 118.0
    39156-5 | Body mass index (BMI) [Ratio] | kg/m2 | 18.50 | 38.00`,
  ),
  panel(
    'laboratory',
    '57698-3',
    'Lipid panel with direct LDL - Serum or Plasma',
    `
    2093-3  | Cholesterol [Mass/volume] in Serum or Plasma | mg/dL | 140.0 | 260.0
    2571-8  | Triglycerides | mg/dL | 70.0 | 220.0
    18262-6 | Low Density Lipoprotein Cholesterol | mg/dL | 60.0 | 170.0
    2085-9  | Cholesterol in HDL [Mass/volume] in Serum or Plasma | mg/dL | 30.0 | 80.0
    43396-1 | Cholesterol non HDL [Mass/volume] in Serum or Plasma | mg/dL | 80.0 | 190.0`,
  ),
  panel(
    'laboratory',
    '51990-0',
    'Basic metabolic panel - Blood',
    `
    2339-0  | Glucose [Mass/volume] in Blood | mg/dL | 65.0 | 130.0
    6299-2  | Urea nitrogen [Mass/volume] in Blood | mg/dL | 7.0 | 24.0
    38483-4 | Creatinine [Mass/volume] in Blood | mg/dL | 0.50 | 2.10
    2947-0  | Sodium [Moles/volume] in Blood | mmol/L | 134.0 | 146.0
    6298-4  | Potassium [Moles/volume] in Blood | mmol/L | 3.50 | 5.30`,
  ),
  panel(
    'laboratory',
    '58410-2',
    'CBC panel - Blood by Automated count',
    `
    6690-2  | Leukocytes [#/volume] in Blood by Automated count | 10*3/uL | 3.5 | 11.5
    789-8   | Erythrocytes [#/volume] in Blood by Automated count | 10*6/uL | 3.70 | 5.90
    718-7   | Hemoglobin [Mass/volume] in Blood | g/dL | 11.0 | 17.5
    4544-3  | Hematocrit [Volume Fraction] of Blood by Automated count | % | 33.0 | 52.0
    777-3   | Platelets [#/volume] in Blood by Automated count | 10*3/uL | 140 | 420`,
  ),
  panel(
    'laboratory',
    '24325-3',
    'Hepatic function 2000 panel - Serum or Plasma',
    `
    1742-6  | Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma | U/L | 7 | 56
    1920-8  | Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma | U/L | 8 | 48
    6768-6  | Alkaline phosphatase [Enzymatic activity/volume] in Serum or Plasma | U/L | 35 | 130
    1975-2  | Bilirubin.total [Mass/volume] in Serum or Plasma | mg/dL | 0.10 | 1.40
    1751-7  | Albumin [Mass/volume] in Serum or Plasma | g/dL | 3.4 | 5.4`,
  ),
  panel(
    'survey',
    '93025-5',
    "Protocol for Responding to and Assessing Patients' Assets, Risks, and Experiences [PRAPARE]",
    `
    55758-7 | Patient Health Questionnaire 2 item (PHQ-2) total score [Reported] | {score} | 0 | 6
    70274-6 | Generalized anxiety disorder 7 item (GAD-7) total score [Reported.PHQ] | {score} | 0 | 21
    75626-2 | Total score [AUDIT-C] | {score} | 0 | 12
    72514-3 | Pain severity - 0-10 verbal numeric rating [Score] - Reported | {score} | 0 | 10
    82667-7 | Total score [DAST-10] | {score} | 0 | 10`,
  ),
];
