import assert from 'node:assert/strict';
import { test } from 'node:test';
import { environmentSchema } from '../src/config.ts';
import { describeSettings } from '../src/settings-report.ts';
import { runCli } from './cli/run-cli.ts';

test('every setting is shown once, with its value and where that comes from', () => {
  const settings = describeSettings({ BOX_WEB_PORT: '9999', LOG_LEVEL: '', HOME: '/root' });
  assert.deepEqual(
    settings.map(({ name }) => name),
    Object.keys(environmentSchema.shape),
  );
  const of = (name: string) => settings.find((each) => each.name === name);
  assert.deepEqual(of('BOX_WEB_PORT'), { name: 'BOX_WEB_PORT', value: '9999', from: 'environment' });
  assert.deepEqual(of('LOG_LEVEL'), { name: 'LOG_LEVEL', value: 'info', from: 'default' });
  assert.deepEqual(of('PGHOST'), { name: 'PGHOST', from: 'not set' });
});

test('no secret is shown, in whatever form it is given', () => {
  const secret = 'hunter2';
  const urls = [
    'postgres://me:hunter2@db/fhir',
    'postgres://db/fhir?password=hunter2',
    'postgres://db/fhir?sslpassword=hunter2',
    'postgres://db/fhir?pasword=hunter2',
    'postgres://me:1#hunter2@db',
    'postgres:// me:hunter2@',
  ];
  for (const url of urls) {
    const text = JSON.stringify(
      describeSettings({
        DATABASE_URL: url,
        LOADER_DATA_URLS: `postgres://a@w1/d,${url}`,
        PGPASSWORD: secret,
        BOX_DB_PASSWORD: secret,
        BOX_ROOT_CLIENT_SECRET: secret,
      }),
    );
    assert.doesNotMatch(text, /hunter2/, url);
    assert.match(text, /hidden/);
  }
});

test('an empty list is not a default', () => {
  const roots = describeSettings({}).find(({ name }) => name === 'LOADER_FILE_ROOTS');
  assert.deepEqual(roots, { name: 'LOADER_FILE_ROOTS', from: 'not set' });
});

test('the command prints them, which database is meant, and what is wrong', async () => {
  const right = await runCli(['config'], { DATABASE_URL: 'postgres://me:hunter2@db/fhir' });
  assert.equal(right.code, 0, right.stderr);
  assert.match(right.stdout, /^DATABASE_URL\t/m);
  assert.match(right.stdout, /The database is fhir on db:5432 as me\./);
  const wrong = await runCli(['config', '--json'], { BOX_WEB_PORT: 'eighty' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /BOX_WEB_PORT/);
  assert.equal(JSON.parse(wrong.stdout.split('\n')[0] ?? '').value, 'eighty');
});
