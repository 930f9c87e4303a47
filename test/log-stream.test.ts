import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = `
  import pino from 'pino';
  import { loggerOptions, logStream } from './src/log-stream.ts';
  const log = pino(loggerOptions('info'), logStream(process.argv[1] === 'terminal'));
  log.info({ file: 'a\\u001b[2Jb\\nINFO: forged', account: 'secret' }, 'one\\ntwo');
  log.error({ err: new Error('broken') }, 'three');
`;
const write = (kind: string) =>
  execFileSync(process.execPath, ['--input-type=module', '--eval', program, kind], { cwd: root, encoding: 'utf8' });

test('on a terminal nothing in a log line moves the cursor, begins a line or is a secret', () => {
  const text = write('terminal');
  assert.match(
    text,
    /^\[\d\d:\d\d:\d\d\] INFO: one\ufffdtwo \{"file":"a\ufffd\[2Jb\ufffdINFO: forged","account":"\[Redacted\]"\}\n/,
  );
  assert.match(text, /ERROR: three *\n(.*\n)* +at /);
  assert.ok(!text.includes('\u001b'));
  assert.doesNotMatch(text, /^INFO: forged/m);
});

test('piped, each line is an object of JSON with what was logged', () => {
  const [first = ''] = write('pipe').split('\n');
  assert.deepEqual([JSON.parse(first).msg, JSON.parse(first).file], ['one\ntwo', 'a\u001b[2Jb\nINFO: forged']);
});
