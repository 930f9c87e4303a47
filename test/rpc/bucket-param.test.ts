import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketParam } from '../../src/rpc/source-params.ts';

const ARN = 'arn:aws:s3:us-west-2:123456789012:accesspoint/my-point';

test('a bucket may be named by itself, by the ARN of an access point in one region, or as a folder', () => {
  for (const [bucket, stored = bucket] of [
    ['s3://hospital'],
    ['s3://hospital/', 's3://hospital'],
    [`s3://${ARN}`],
    [`s3://${ARN}/`, `s3://${ARN}`],
    ['s3://arn:aws:s3:eu-central-1:123456789012:accesspoint:my-point'],
    ['s3://arn:aws-us-gov:s3-object-lambda:us-gov-west-1:123456789012:accesspoint/my-point'],
    ['s3://arn:aws-cn:s3-outposts:cn-north-1:123456789012:outpost/op-1/accesspoint/my-point'],
    ['s3://arn:aws-cn:s3-outposts:cn-north-1:123456789012:outpost:op-1:accesspoint:my-point'],
    ['file:///data/fhir'],
  ] as const)
    assert.equal(bucketParam.parse(bucket), stored);
});

test('a folder whose name no file system can have is refused', () => {
  assert.equal(bucketParam.safeParse('file:///data/%00').success, false);
});

test('any other ARN, and a path in a bucket, is refused', () => {
  for (const bucket of [
    'hospital',
    's3://hospital/fhir',
    'arn:aws:s3:us-west-2:123456789012:accesspoint/my-point',
    // Of several regions.
    's3://arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap',
    's3://arn:aws:s3:us-west-2:1234:accesspoint/my-point',
    's3://arn:aws:s3:us-west-2:123456789012:bucket/my-bucket',
    's3://arn:aws:s3:us-west-2:123456789012:accesspoint/',
    's3://arn:aws:s3:us-west-2:123456789012',
    's3://arn:aws:sqs:us-west-2:123456789012:accesspoint/my-point',
    's3://arn:other:s3:us-west-2:123456789012:accesspoint/my-point',
  ])
    assert.equal(bucketParam.safeParse(bucket).success, false, bucket);
});
