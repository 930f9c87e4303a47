import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { readContentsApart } from '../../../src/source/s3/contents-apart.ts';
import { createS3Client } from '../../../src/source/s3/create-s3-client.ts';
import { plainContents } from '../../../src/source/s3/plain-contents.ts';
import { freePort } from '../../support/free-port.ts';
import type { Closing } from '../../support/last-first.ts';

const HEAD =
  '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix/>' +
  '<NextContinuationToken>a&amp;b=</NextContinuationToken><MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated>';
const TAIL = '</ListBucketResult>';
const TIME = '<LastModified>2026-11-27T10:11:12.000Z</LastModified>';
const REST =
  '<ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag><Size>434234</Size><StorageClass>STANDARD</StorageClass>';
const object = (key: string, rest = `${TIME}${REST}`) => `<Contents><Key>${key}</Key>${rest}</Contents>`;
const page = (...objects: string[]) => `${HEAD}${object('fhir/Observation.ndjson.gz')}${objects.join('')}${TAIL}`;

/** As stores write them. */
const PLAIN = {
  AWS: page(object('fhir/Patient%2B1.ndjson.gz')),
  indented: page('\n  <Contents>\n    <Key>a+b</Key>\n    <Size>0</Size>\n  </Contents>\n').replace(
    '<Prefix/>',
    '\n  <Prefix></Prefix>\n',
  ),
  'with owner, checksums and restore': page(
    object(
      'a',
      `${TIME}<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumAlgorithm>SHA1</ChecksumAlgorithm><Owner><ID>Key</ID><DisplayName/></Owner>${REST}`,
    ),
  ),
  'keys that are not encoded': page(object('fhir/ä 💉&amp;&lt;&gt;&apos;.ndjson'), object('__proto__')),
  'no ETag, an empty one, no date': page(object('a', '<Size>7</Size>'), object('b', `<ETag></ETag><Size>1</Size>`)),
  'seconds without fractions': page(object('a', `<LastModified>2026-11-27T10:11:12Z</LastModified>${REST}`)),
  'one object': `${HEAD}${object('a')}${TAIL}`,
  'what comes after the objects': page(
    object('a'),
    '<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes><EncodingType>url</EncodingType>',
  ),
};

/** Left to the SDK, and so read, or refused, as by it alone. */
const UNUSUAL = {
  'no object': `${HEAD}${TAIL}`,
  'another root': page(object('a')).replaceAll('ListBucketResult', 'Listing'),
  'an attribute': page(object('a').replace('<Contents>', '<Contents n="1">')),
  'an attribute of a key': page('<Contents><Key n="1">a</Key><Size>1</Size></Contents>'),
  CDATA: page(object('<![CDATA[a]]>')),
  'a comment before the objects': page(object('a')).replace('<Name>', `<!-- ${object('b')} --><Name>`),
  'a comment in an object': page(object('a', '<!-- <Size>1</Size> --><Size>2</Size>')),
  'a character by its number': page(object('a&#x41;&#66;')),
  'an entity that nobody knows': page(object('a&nbsp;b')),
  'space around a key': page(object(' a ')),
  'a key of two lines': page(object('a\r\nb')),
  'two keys': page(object('a', '<Key>b</Key><Size>1</Size>')),
  'no key': page('<Contents><Size>1</Size></Contents>'),
  'a size that is none': page(object('a', '<Size>many</Size>')),
  'a negative size': page(object('a', '<Size>-1</Size>')),
  'a date of another form': page(
    object('a', '<LastModified>Fri, 27 Nov 2026 10:11:12 GMT</LastModified><Size>1</Size>'),
  ),
  'a date that is none': page(object('a', '<LastModified>2026-13-27T10:11:12Z</LastModified><Size>1</Size>')),
  'objects further on': page(object('a'), '<Delimiter>/</Delimiter>', object('b')),
  'objects within another element': `${HEAD}<More>${object('a')}</More>${TAIL}`,
  'an empty object': page('<Contents/>'),
  'an object without an end': page('<Contents><Key>a</Key><Size>1</Size>'),
  'text between elements': page(object('a', 'b<Size>1</Size>')),
};

const setUp = async (t: Closing) => {
  const answers: string[] = [];
  const server = createServer((_, response) => response.end(answers[0]));
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.after(() => void server.close());
  const client = createS3Client(
    {
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    },
    { connectTimeoutMs: 0, maxSockets: 1, allowPrivateHosts: true },
  );
  t.after(() => client.destroy());
  /** What is read of a page; the same, or the same error, whichever way it is read. */
  const list = async (xml: string, isApart: boolean) => {
    answers[0] = xml;
    const command = new ListObjectsV2Command({ Bucket: 'bucket' });
    const whole = isApart ? readContentsApart(command) : (answer: ListObjectsV2CommandOutput) => answer;
    try {
      const { $metadata: _, Contents, ...rest } = whole(await client.send(command));
      const contents = Contents?.map(({ Key, Size, ETag, LastModified }) => ({ Key, Size, ETag, LastModified }));
      return { ...rest, contents };
    } catch (error) {
      // Read apart, the error names the object besides.
      return String(error).replace(', LastModified of the object "a"', '');
    }
  };
  return { list };
};

describe('the objects of a page, read apart', () => {
  test('are those that the SDK reads', async (t) => {
    const { list } = await setUp(t);
    for (const [what, xml] of Object.entries(PLAIN)) {
      assert.ok(plainContents(Buffer.from(xml)) !== undefined, what);
      assert.deepEqual(await list(xml, true), await list(xml, false), what);
    }
  });

  test('are left to the SDK where anything is unusual', async (t) => {
    const { list } = await setUp(t);
    for (const [what, xml] of Object.entries(UNUSUAL)) {
      assert.equal(plainContents(Buffer.from(xml)), undefined, what);
      assert.deepEqual(await list(xml, true), await list(xml, false), what);
    }
  });
});
