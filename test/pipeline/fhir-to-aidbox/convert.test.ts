import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FhirVersion } from '../../../src/fhir/fhir-versions.ts';
import { LineConverter } from './convert-line.ts';

const r4 = new LineConverter('r4');

/** Type, FHIR's members, the storage format's. */
type Example = readonly [type: string, fhir: string, aidbox: string];

function examples(title: string, all: readonly Example[], version: FhirVersion = 'r4', convertExtensions = true): void {
  const converter = new LineConverter(version, convertExtensions);
  describe(title, () => {
    for (const [type, fhir, aidbox] of all) {
      test(`${type} ${fhir.slice(0, 100)}`, () => {
        assert.equal(converter.convert(fhir, type), aidbox);
        assert.equal(converter.convert(aidbox, type), aidbox, 'twice');
      });
    }
  });
}

const reference = (members: string, stored: string): Example => [
  'Encounter',
  `{"subject":{${members}}}`,
  `{"subject":{${stored}}}`,
];

examples('References', [
  reference('"reference":"Patient/pt-1"', '"resourceType":"Patient","id":"pt-1"'),
  reference('"reference" : "Patient\\/pt-1" ,"x":1', '"resourceType":"Patient","id":"pt-1" ,"x":1'),
  reference('"reference":"http://x/fhir/Patient/1"', '"uri":"http://x/fhir/Patient/1"'),
  reference('"reference":"urn:uuid:3f"', '"uri":"urn:uuid:3f"'),
  reference('"reference":"urn:oid:1.2"', '"uri":"urn:oid:1.2"'),
  reference('"reference":"#pt"', '"localRef":"pt"'),
  reference('"reference":"#"', '"uri":"#"'),
  reference('"reference":"Patient/1/_history/2"', '"uri":"Patient/1/_history/2"'),
  reference('"reference":"Location?identifier=s|v"', '"uri":"Location?identifier=s|v"'),
  reference(`"reference":"Patient/${'x'.repeat(65)}"`, `"uri":"Patient/${'x'.repeat(65)}"`),
  reference('"display":"d","reference":"Patient/1"', '"display":"d","resourceType":"Patient","id":"1"'),
  reference('"reference":"Patient/1","type":"Patient"', '"resourceType":"Patient","id":"1","type":"Patient"'),
  reference(
    '"reference":"Patient/1","identifier":{"assigner":{"reference":"Organization/o"}}',
    '"resourceType":"Patient","id":"1","identifier":{"assigner":{"resourceType":"Organization","id":"o"}}',
  ),
  reference('"id":"el","reference":"Patient/1"', '"_id":"el","resourceType":"Patient","id":"1"'),
  reference('"reference":"Patient/1","id":"el"', '"resourceType":"Patient","id":"1","_id":"el"'),
  reference('"id":"el","display":"d"', '"_id":"el","display":"d"'),
  reference('"resourceType":"Patient","id":"1"', '"resourceType":"Patient","id":"1"'),
  reference('"reference":null', '"reference":null'),
]);

examples('Choices', [
  ['Observation', '{"valueQuantity":{"value":1.10}}', '{"value":{"Quantity":{"value":1.10}}}'],
  [
    'Observation',
    '{"valueString":"x","_valueString":{"id":"e"}}',
    '{"value":{"string":"x"},"_valueString":{"id":"e"}}',
  ],
  ['Observation', '{"effectiveDateTime" : "2024" }', '{"effective":{"dateTime" : "2024"} }'],
  ['Observation', '{"\\u0076alueQuantity":{}}', '{"value":{"Quantity":{}}}'],
  [
    'Patient',
    '{"deceasedBoolean":false,"multipleBirthInteger":2}',
    '{"deceased":{"boolean":false},"multipleBirth":{"integer":2}}',
  ],
  [
    'Observation',
    '{"valueQuantity":{"value":1},"status":"final","valueString":"x"}',
    '{"value":{"Quantity":{"value":1},"string":"x"},"status":"final"}',
  ],
  ['Observation', '{"value":{},"status":"final","valueString":"x"}', '{"value":{"string":"x"},"status":"final"}'],
  [
    'Observation',
    '{"valueString":"x","value":{"boolean":true},"status":"a"}',
    '{"value":{"string":"x","boolean":true},"status":"a"}',
  ],
]);

examples('By path, never by name alone', [
  ['Immunization', '{"doseQuantity":{"value":1}}', '{"doseQuantity":{"value":1}}'],
  ['Dosage', '{"doseQuantity":1}', '{"doseQuantity":1}'],
  [
    'MedicationRequest',
    '{"dosageInstruction":[{"doseAndRate":[{"doseQuantity":{"value":1}}]}]}',
    '{"dosageInstruction":[{"doseAndRate":[{"dose":{"Quantity":{"value":1}}}]}]}',
  ],
  [
    'Medication',
    '{"effectivePeriod":{"start":"x"},"unknown":{"reference":"Patient/1"}}',
    '{"effectivePeriod":{"start":"x"},"unknown":{"reference":"Patient/1"}}',
  ],
  ['ActivityDefinition', '{"effectivePeriod":{"start":"2024"}}', '{"effectivePeriod":{"start":"2024"}}'],
  ['DetectedIssue', '{"reference":"Patient/1"}', '{"reference":"Patient/1"}'],
  ['Immunization', '{"education":[{"reference":"Patient/1"}]}', '{"education":[{"reference":"Patient/1"}]}'],
  [
    'PlanDefinition',
    '{"action":[{"action":[{"condition":[{"expression":{"reference":"Patient/1"}}],"timingDuration":{}}]}]}',
    '{"action":[{"action":[{"condition":[{"expression":{"reference":"Patient/1"}}],"timing":{"Duration":{}}}]}]}',
  ],
  [
    'Questionnaire',
    '{"item":[{"item":[{"item":[{"initial":[{"valueReference":{"reference":"Patient/1"}}]}]}]}]}',
    '{"item":[{"item":[{"item":[{"initial":[{"value":{"Reference":{"resourceType":"Patient","id":"1"}}}]}]}]}]}',
  ],
  [
    'Custom',
    '{"subject":{"reference":"Patient/1"},"valueString":"x"}',
    '{"subject":{"reference":"Patient/1"},"valueString":"x"}',
  ],
]);

const deep = (value: string) =>
  `{"extension":[{"extension":[{"extension":[{"extension":[{"extension":[{${value}}]}]}]}]}]}`;

examples('Extensions', [
  ['Patient', deep('"url":"u","valueCode":"x"'), deep('"url":"u","value":{"code":"x"}')],
  ['Patient', '{"modifierExtension":[{"valueUri":"x"}]}', '{"modifierExtension":[{"value":{"uri":"x"}}]}'],
  [
    'Patient',
    '{"_birthDate":{"extension":[{"valueDateTime":"x"}]}}',
    '{"_birthDate":{"extension":[{"value":{"dateTime":"x"}}]}}',
  ],
  [
    'Patient',
    '{"name":[{"given":["A","B"],"_given":[null,{"extension":[{"valueString":"x"}]}]}]}',
    '{"name":[{"given":["A","B"],"_given":[null,{"extension":[{"value":{"string":"x"}}]}]}]}',
  ],
  [
    'Patient',
    '{"name":[{"period":{"\\u0065xtension":[{"valueString":"x"}]}}]}',
    '{"name":[{"period":{"\\u0065xtension":[{"value":{"string":"x"}}]}}]}',
  ],
]);

examples(
  'Extensions where BOX_FHIR_CORRECT_AIDBOX_FORMAT is false',
  [
    ['Patient', deep('"url":"u","valueCode":"x"'), deep('"url":"u","valueCode":"x"')],
    [
      'Patient',
      '{"extension":[{"valueReference":{"reference":"Patient/1"}}],"deceasedBoolean":true}',
      '{"extension":[{"valueReference":{"resourceType":"Patient","id":"1"}}],"deceased":{"boolean":true}}',
    ],
  ],
  'r4',
  false,
);

examples('Resources in resources', [
  [
    'Encounter',
    '{"contained":[{"id":"o","valueString":"x","subject":{"reference":"#p"},"resourceType":"Observation"}]}',
    '{"contained":[{"id":"o","value":{"string":"x"},"subject":{"localRef":"p"},"resourceType":"Observation"}]}',
  ],
  [
    'Bundle',
    '{"entry":[{"resource":{"resourceType":"Bundle","meta":{"versionId":"1"},"entry":[{"resource":{"valueString":"x","resourceType":"Observation"}}]}}]}',
    '{"entry":[{"resource":{"resourceType":"Bundle","meta":{"versionId":"1"},"entry":[{"resource":{"value":{"string":"x"},"resourceType":"Observation"}}]}}]}',
  ],
  [
    'Parameters',
    '{"parameter":[{"part":[{"resource":{"resourceType":"Patient","link":[{"other":{"reference":"Patient/2"}}]}},{"valueId":"x"}]}]}',
    '{"parameter":[{"part":[{"resource":{"resourceType":"Patient","link":[{"other":{"resourceType":"Patient","id":"2"}}]}},{"value":{"id":"x"}}]}]}',
  ],
  [
    'Encounter',
    '{"contained":[{"subject":{"reference":"Patient/1"}}]}',
    '{"contained":[{"subject":{"reference":"Patient/1"}}]}',
  ],
]);

examples('What is in columns', [
  ['Patient', '{"resourceType":"Patient","id":"x","active":true}', '{"active":true}'],
  ['Patient', '{"active":true, "id":"x" , "resourceType":"Patient"}', '{"active":true}'],
  ['Patient', '{"id":"x","meta":{"versionId":"1","lastUpdated":"2024"},"resourceType":"Patient"}', '{}'],
  [
    'Patient',
    '{"meta":{"versionId":"1","tag":[{}],"lastUpdated":"2024","source":"s"}}',
    '{"meta":{"tag":[{}],"source":"s"}}',
  ],
  ['Patient', '{"a":1,"meta":{},"b":2}', '{"a":1,"b":2}'],
  ['Custom', '{"a":1,"meta":{"lastUpdated":"2024"}}', '{"a":1}'],
]);

examples(
  'R5',
  [
    [
      'MedicationRequest',
      '{"medication":{"reference":{"reference":"Medication/1"}},"reason":[{"concept":{}}]}',
      '{"medication":{"reference":{"resourceType":"Medication","id":"1"}},"reason":[{"concept":{}}]}',
    ],
    ['Encounter', '{"class":[{}],"actualPeriod":{}}', '{"class":[{}],"actualPeriod":{}}'],
  ],
  'r5',
);

describe('Two forms of one element', () => {
  for (const [line, path, keys] of [
    [
      '{"subject":{"reference":"Patient/1","resourceType":"Patient"}}',
      'Observation.subject.resourceType',
      ['reference', 'resourceType'],
    ],
    ['{"subject":{"uri":"x","reference":"Patient/1"}}', 'Observation.subject.reference', ['uri', 'reference']],
    [
      '{"component":[{},{"valueString":"x","valueString":"y"}]}',
      'Observation.component[1].valueString',
      ['valueString', 'valueString'],
    ],
    ['{"value":{"string":"x"},"valueString":"y"}', 'Observation.valueString', ['value', 'valueString']],
    ['{"valueString":"y","value":5}', 'Observation.value', ['valueString', 'value']],
    ['{"subject":{"id":"a","_id":"b","reference":"Patient/1"}}', 'Observation.subject._id', ['id', '_id']],
    ['{"meta":{"source":"a"},"meta":{"versionId":"1"}}', 'Observation.meta', ['meta', 'meta']],
  ] as const) {
    test(line, () => assert.deepEqual(r4.convert(line, 'Observation'), { code: 'two-forms', path, keys }));
  }
});

describe('Lines that are no JSON are never mended', () => {
  for (const line of [
    '{"meta":{"versionId":tru}}',
    '{"meta":{"versionId":"\\q"}}',
    '{"subject":{"reference":"Patient/1",}}',
    '{"subject":{"reference":"\\u0050\\q"}}',
    '{"valueQuantity":',
    '{"valueQuantity"',
    '{"a":1',
    '{',
  ])
    test(line, () => assert.equal((r4.convert(line, 'Observation') as { code: string }).code, 'not-json'));

  test('nesting beyond all reason', () => {
    const line = `${'{"extension":['.repeat(100_000)}${']}'.repeat(100_000)}`;
    assert.equal((r4.convert(line, 'Patient') as { code: string }).code, 'nested-too-deep');
  });
});

test('Everything that is not converted stays byte for byte', () => {
  const line =
    '{ "status" : "final" ,"n":[1.10,-0.0E+5, 12345678901234567890 ],"z":null,"text":{"div":"<div>\\u003cp\\/> é 😀</div>"}\t}';
  assert.equal(r4.convert(line, 'Observation'), line);
});
