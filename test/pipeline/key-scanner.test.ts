import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeyScanner } from '../../src/pipeline/key-scanner.ts';

function mayOccur(rest: string): boolean {
  const keyScanner = new KeyScanner();
  const before = '{"a":1,';
  const buffer = Buffer.from(before + rest);
  keyScanner.attach(buffer);
  return keyScanner.mayOccur(before.length, buffer.length);
}

test('Keys after a comma count, spaced and escaped as JSON allows', () => {
  for (const rest of [
    '"id":1}',
    '"b":1,"id":1}',
    '"b":1 ,\t"id"\r : 1}',
    '"b":1,"resourceType":1}',
    '"b":1, "resourceType" :1}',
    '"b":1,"\\u0069d":1}',
    '"b":1,"i\\u0064":1}',
    '"b":1,"resource\\u0054ype":1}',
    '"b":1,"resourceT\\u0079pe":1}',
  ])
    assert.equal(mayOccur(rest), true, rest);
});

test('What valid JSON cannot have as a further top-level key does not count', () => {
  for (const rest of [
    '"b":{"id":1}}',
    '"b":"id"}',
    '"b":["x","id"]}',
    '"b":1,"xid":1}',
    '"b":1,"\\"id":1}',
    '"b":1,"docType":1}',
    '"b":1,"xresourceType":1}',
    '"b":"resourceType"}',
    '"b":"\\u00e9\\u003cid"}',
    '"b":1}',
  ])
    assert.equal(mayOccur(rest), false, rest);
});

test('A hit is kept until it is passed, and belongs to the range it lies in', () => {
  const keyScanner = new KeyScanner();
  const buffer = Buffer.from('{"a":1,"b":2}\n{"a":1,"id":2,"c":3}');
  const secondLine = buffer.indexOf('\n') + 1;
  const id = buffer.indexOf('"id"');
  keyScanner.attach(buffer);
  assert.equal(keyScanner.mayOccur(7, secondLine - 1), false);
  assert.equal(keyScanner.mayOccur(id, buffer.length), true);
  assert.equal(keyScanner.mayOccur(buffer.indexOf('"c"'), buffer.length), false);
  keyScanner.attach(Buffer.from('{"a":1,"id":2}'));
  assert.equal(keyScanner.mayOccur(7, 14), true);
});
