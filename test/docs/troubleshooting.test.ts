import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { adviceFor } from '../../src/errors/failure-advice.ts';
import { VERDICTS, verdictOf } from '../../src/errors/sqlstate.ts';
import { KNOWN_FAILURES } from '../../src/metrics/known-failures.ts';

const root = new URL('../../', import.meta.url);
const guide = readFileSync(new URL('docs/troubleshooting.md', root), 'utf8');

/** The codes in the first column of a section's table. */
function documented(heading: string): string[] {
  const section = guide.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
  const cells = [...section.matchAll(/^\| (`[^|]*) \|/gm)].map(([, cell = '']) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, code = '']) => code));
}

const sources = readdirSync(new URL('src/', root), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && entry.name !== 'failure-advice.ts')
  .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'));

/** What a pattern's group finds in the sources. */
const found = (pattern: RegExp) => [
  ...new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map(([, code = '']) => code))),
];

const knownOf = (source: string) => KNOWN_FAILURES.filter((known) => known.source === source).map(({ code }) => code);
const isDocumented = (codes: readonly string[], code: string) =>
  codes.includes(code) || codes.includes(`${code.slice(0, 2)}xxx`);

describe('docs/troubleshooting.md', () => {
  for (const [heading, source] of [
    ['The file', 'aidbox'],
    ['S3', 'aws'],
    ['Postgres', 'postgres'],
  ] as const)
    test(`says what to do about failures of ${source} in the words of the page and the status`, () => {
      const section = guide.split(/^## /m).find((text) => text.startsWith(heading)) ?? '';
      const rows = section.split('\n').filter((line) => line.startsWith('| `'));
      assert.ok(rows.length > 10);
      for (const row of rows) {
        const [, codes = '', , advice = ''] = row.split('|').map((cell) => cell.trim());
        const plain = advice.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
        for (const [, code = ''] of codes.matchAll(/`([\w-]+)/g)) {
          const known = adviceFor({ source, code });
          // The guide may go on with a link.
          assert.ok(
            known !== undefined &&
              plain.replace('operations.md', 'docs/operations.md').startsWith(known.replace(/\.$/, '')),
            `${code}: ${known}`,
          );
        }
      }
    });

  test('has every code that the loader gives a file by itself, and no other', () => {
    const codes = documented('The file');
    const ofErrors = sources
      .filter((text) => /extends FileError|new FileError\(/.test(text))
      .flatMap((text) => [...text.matchAll(/\bcode: '([a-z][a-z-]+)'/g)].map(([, code = '']) => code));
    const ofLines = found(/^ {2}\| '([a-z-]+)'/gm).filter((code) =>
      sources.some((text) => text.includes(`    case '${code}':\n      return`)),
    );
    const given = new Set([...ofErrors, ...ofLines, ...knownOf('aidbox')]);
    assert.ok(given.size > 15, [...given].join());
    assert.deepEqual(
      [...given].filter((code) => !codes.includes(code)),
      [],
      'not in the guide',
    );
    const text = sources.join('\n');
    const made = (code: string) => text.includes(`'${code}'`) || (code.startsWith('bad-') && text.includes('`bad-$'));
    assert.deepEqual(
      codes.filter((code) => !made(code)),
      [],
      'in the guide alone',
    );
  });

  test('the reference names each of these codes, too', () => {
    const reference = readFileSync(new URL('docs/reference.md', root), 'utf8');
    const codes = documented('The file');
    assert.ok(codes.length > 15);
    assert.deepEqual(
      codes.filter((code) => !reference.includes(`\`${code}\``)),
      [],
    );
  });

  test('has every code that the loader gives a failure of the store', () => {
    const codes = documented('S3');
    const given = new Set([...found(/new S3Error\(\s*'([A-Za-z]+)'/g), ...knownOf('aws')]);
    assert.ok(given.size > 8, [...given].join());
    assert.deepEqual(
      [...given].filter((code) => !codes.includes(code)),
      [],
    );
  });

  test('has every SQLSTATE that the failure table decides, and the final ones that files have met', () => {
    const codes = documented('Postgres');
    const met = ['22003', '22021', '22P02', '22P05', '23502', '23505', '23514', '42501', '42703', '42804', '42P01'];
    met.push('08P01', '0A000', '54000', '54001', '57014', '57P04', 'P0001', 'XX000');
    for (const code of met) assert.equal(verdictOf(code), 'final', code);
    const decided = Object.keys(VERDICTS);
    assert.ok(decided.length > 15);
    const missing = [...decided, ...met, ...knownOf('postgres')].filter((code) => !isDocumented(codes, code));
    assert.deepEqual(missing, []);
  });

  test('says that a code is waited for where the failure table waits for it, and nowhere else', () => {
    const rows = guide.split('\n').filter((line) => /^\| `[0-9A-Z]{5}`/.test(line));
    for (const line of rows) {
      const [, cell = '', meaning = ''] = line.split('|');
      for (const [, code = ''] of cell.matchAll(/`([0-9A-Z]{5})`/g)) {
        assert.equal(/waits|waited for/.test(meaning), verdictOf(code) === 'outage', line);
        assert.equal(/five times\.?\s*$/.test(meaning), verdictOf(code) === 'retry', line);
      }
    }
  });
});
