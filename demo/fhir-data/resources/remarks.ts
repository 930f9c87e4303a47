import { dateTime } from '../facts/instants.ts';
import type { Random } from '../random.ts';

const REMARKS: readonly string[] = [
  'Patient says: "it comes and goes".\nTo be reviewed at the next visit.',
  'Discussed with the family (interpreter present, français/中文).\nNo objections.',
  'Temperature up to 38.5 °C at home; "feels better since Sunday".',
  'Dose reduced by ½ after nausea\n\t- informed pharmacy\n\t- informed Dr. Müller',
  'See letter of Hôpital Saint-François, file path C:\\scans\\2019\\letter.pdf',
  '患者は日本語を話します。通訳を手配する。',
];

/** Free text that somebody typed: in a few resources, and full of what a JSON parser has to unescape. */
export function remarkOf(random: Random, writtenAt: number): readonly object[] | undefined {
  return random.chance(0.06) ? [{ time: dateTime(writtenAt), text: random.pick(REMARKS) }] : undefined;
}
