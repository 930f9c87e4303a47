export interface City {
  readonly name: string;
  readonly postalCode: string;
  readonly latitude: number;
  readonly longitude: number;
}

const CITY_TABLE = `
  Minneapolis 55401 44.9778 -93.2650
  Saint_Paul 55101 44.9537 -93.0900
  Rochester 55901 44.0121 -92.4802
  Duluth 55802 46.7867 -92.1005
  Bloomington 55420 44.8408 -93.2983
  Saint_Cloud 56301 45.5579 -94.1632
  Mankato 56001 44.1636 -93.9994
  Winona 55987 44.0554 -91.6664
  Moorhead 56560 46.8738 -96.7678
  Bemidji 56601 47.4736 -94.8803
  Brainerd 56401 46.3580 -94.2008
  Willmar 56201 45.1219 -95.0433
  Faribault 55021 44.2950 -93.2688
  Northfield 55057 44.4583 -93.1616
  Red_Wing 55066 44.5625 -92.5338
  Hibbing 55746 47.4272 -92.9377
  Fergus_Falls 56537 46.2830 -96.0776
  Albert_Lea 56007 43.6480 -93.3683
  New_Ulm 56073 44.3144 -94.4605
  Ely 55731 47.9032 -91.8671`;

/** The demo population lives in one state, as a Synthea population does. */
export const CITIES: readonly City[] = CITY_TABLE.trim()
  .split('\n')
  .map((line) => {
    const [name = '', postalCode = '', latitude, longitude] = line.trim().split(' ');
    return { name: name.replaceAll('_', ' '), postalCode, latitude: Number(latitude), longitude: Number(longitude) };
  });

export const STATE = { code: 'MN', name: 'Minnesota' } as const;

export const ORGANIZATION_PREFIXES: readonly string[] = [
  'NORTHERN LAKES',
  'PRAIRIE ROSE',
  'SAINT BRIGID',
  'TWIN RIVERS',
  'GREAT PINES',
  'IRON RANGE',
  'BLUE HERON',
  'HÔPITAL SAINT-FRANÇOIS',
  'CLÍNICA DEL RÍO',
  'LAKESHORE',
  'OUR LADY OF MERCY',
  'COTTONWOOD VALLEY',
  'WHITE BIRCH',
  'HEARTHSTONE',
];

export const ORGANIZATION_KINDS: readonly string[] = [
  'MEDICAL CENTER',
  'COMMUNITY HOSPITAL',
  'FAMILY PRACTICE PA',
  'URGENT CARE',
  'HOME HEALTH AND HOSPICE',
  'REHABILITATION HOSPITAL, INC',
  'PEDIATRICS & ADOLESCENT CARE',
  'WOMEN\'S HEALTH "THE GARDEN"',
  'CARDIOLOGY ASSOCIATES',
  'VETERANS CLINIC',
];
