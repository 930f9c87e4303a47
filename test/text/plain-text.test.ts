import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainJson, plainLines, plainText } from '../../src/text/plain-text.ts';

/** Sets the clipboard; moves up and writes over; C1's CSI; turns the direction; a second line. */
const ACTIVE = [
  '\u001b]52;c;cm0gLXJmIC8K\u0007',
  '\u001b[1A\u001b[2K',
  '\u009b2J',
  '\u202egnp.exe',
  '\u2066\u2069',
  'a\r\nb',
  '\u2028',
  '\u007f\u0000',
];

test('nothing active is left in a line of text, and its length stays', () => {
  for (const text of ACTIVE) {
    const plain = plainText(text);
    assert.doesNotMatch(plain, /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
    assert.equal(plain.length, text.length);
  }
  assert.equal(plainText('Größe – 体 👩‍⚕️ ½'), 'Größe – 体 👩‍⚕️ ½');
  assert.equal(plainLines('one\n\u001b[1mtwo'), 'one\n\ufffd[1mtwo');
});

test('JSON keeps its value, and its line', () => {
  for (const text of ACTIVE) {
    const plain = plainJson(`${JSON.stringify({ [text]: [text] })}\n`);
    assert.doesNotMatch(plain.slice(0, -1), /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
    assert.ok(plain.endsWith('}\n'));
    assert.deepEqual(JSON.parse(plain), { [text]: [text] });
  }
});
