import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LONGEST_OPEN_REFERENCE, parseOpenReference } from '../../src/fhir/open-reference.ts';
import { ReferenceTally, type ReferenceTarget } from '../../src/fhir/reference-target.ts';

const identifier = (type: string, system: string | undefined, value: string) => ({
  kind: 'identifier',
  type,
  system,
  value,
});

test('references by identifier, other searches and urn:uuid are open; others are not', () => {
  const cases: [string, object | undefined][] = [
    ['Practitioner?identifier=http://x/npi|9', identifier('Practitioner', 'http://x/npi', '9')],
    ['Practitioner?identifier=9', identifier('Practitioner', undefined, '9')],
    ['Practitioner?identifier=|9', identifier('Practitioner', '', '9')],
    ['Practitioner?identifier=a%7Cb%20c', identifier('Practitioner', 'a', 'b c')],
    ['Practitioner?identifier=a|', { kind: 'search', type: 'Practitioner' }],
    ['Practitioner?identifier=a|b&active=true', { kind: 'search', type: 'Practitioner' }],
    ['Patient?name=Ada', { kind: 'search', type: 'Patient' }],
    [`Patient?identifier=${'x'.repeat(LONGEST_OPEN_REFERENCE)}`, { kind: 'search', type: 'Patient' }],
    ['urn:uuid:0a-1', { kind: 'uuid', id: '0a-1' }],
    [`urn:uuid:${'x'.repeat(65)}`, undefined],
    ['urn:oid:1.2', undefined],
    ['http://x/Practitioner?identifier=a', undefined],
    ['practitioner?identifier=a', undefined],
    ['Practitioner/1', undefined],
  ];
  for (const [uri, expected] of cases) assert.deepEqual(parseOpenReference(uri), expected, uri.slice(0, 60));
});

test('FHIR’s escapes are understood; of what is not escaped, nothing is guessed', () => {
  const cases: [string, object | undefined][] = [
    ['s|a\\,b', identifier('Location', 's', 'a,b')],
    ['s|a\\|b', identifier('Location', 's', 'a|b')],
    ['s\\|t|a', identifier('Location', 's|t', 'a')],
    ['s\\,t\\$|a\\$b', identifier('Location', 's,t$', 'a$b')],
    ['a\\|b', identifier('Location', undefined, 'a|b')],
    ['|a\\|b', identifier('Location', '', 'a|b')],
    ['s|a\\\\', identifier('Location', 's', 'a\\')],
    ['s|\\\\\\,', identifier('Location', 's', '\\,')],
    ['s%7Ca%5C%2Cb', identifier('Location', 's', 'a,b')],
    ['s|a$b', identifier('Location', 's', 'a$b')],
    ['s|D\\user', identifier('Location', 's', 'D\\user')],
    ['s|a\\', undefined],
    ['s|a,s|b', undefined],
    ['a,b', undefined],
    ['s,t|a', undefined],
    ['s|a%2Cb', undefined],
    ['s|\\\\,', undefined],
    ['s|a|b', undefined],
    ['s%7Ca%7Cb', undefined],
    ['|', undefined],
  ];
  for (const [query, expected] of cases) {
    const parsed = parseOpenReference(`Location?identifier=${query}`);
    assert.deepEqual(parsed, expected ?? { kind: 'search', type: 'Location' }, query);
  }
});

test('what Postgres’s text cannot hold is no identifier, nor what encodes no text', () => {
  for (const query of [
    '%00',
    's|a%00',
    '%00|a',
    '\0',
    '\ud800',
    's|a\udc00b',
    '%ED%A0%80',
    '%FF',
    '100%|b',
    's|%4',
    '%zz',
  ]) {
    const parsed = parseOpenReference(`Practitioner?identifier=${query}`);
    assert.deepEqual(parsed, { kind: 'search', type: 'Practitioner' }, JSON.stringify(query));
  }
  for (const id of ['%00', 'a\0', '\ud800', 'a\n', '']) assert.equal(parseOpenReference(`urn:uuid:${id}`), undefined);
  assert.deepEqual(
    parseOpenReference('Practitioner?identifier=%F0%9F%98%80'),
    identifier('Practitioner', undefined, '😀'),
  );
});

test('a tally takes back what it has counted, and no names fill it', () => {
  const tally = new ReferenceTally();
  const unresolved = (named: string): ReferenceTarget => ({ result: 'unresolved', named });
  const resolved: ReferenceTarget = { result: 'resolved', named: 'Patient', type: 'Patient', id: '1' };
  tally.add([unresolved('B'), unresolved('A'), unresolved('B'), resolved, { result: 'ambiguous', named: 'A' }]);
  tally.remove([unresolved('B'), unresolved('A'), resolved]);
  assert.deepEqual(tally.counts, { resolved: 0, unresolved: { B: 1 }, ambiguous: { A: 1 } });
  for (let n = 0; n < 1_000; n++) tally.add([unresolved(`T${n}`)]);
  const { unresolved: counts } = tally.counts;
  assert.ok(Object.keys(counts).length <= 201);
  assert.equal(
    Object.values(counts).reduce((sum, count) => sum + count, 0),
    1_001,
  );
});
