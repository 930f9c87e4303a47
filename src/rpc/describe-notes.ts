import type { IgnoredFiles, ListingNotes, WithheldFiles } from '../load/list-files.ts';
import { EXTENSIONS } from '../load/resource-type-of-key.ts';
import { numberOf } from './number-of.ts';

/** What a call's answer says of objects that were not queued, in sentences that each begin with a space; often none. */
export function describeNotes({ ignored, withheld, emptyPrefixes }: ListingNotes): string {
  const sentences = [
    ...emptyPrefixes.map(describeEmptyPrefix),
    ...(ignored.count === 0 ? [] : [describeIgnored(ignored)]),
    ...(withheld.count === 0 ? [] : [describeWithheld(withheld)]),
  ];
  return sentences.map((sentence) => ` ${sentence}`).join('');
}

function describeEmptyPrefix(prefix: string): string {
  if (prefix === '') return 'The bucket has no objects.';
  const found = `No key starts with ${JSON.stringify(prefix)}`;
  const plain = prefix.replace(/^\/+/, '');
  return plain === prefix ? `${found}.` : `${found}: keys begin without a slash, as ${JSON.stringify(plain)}.`;
}

/** The rule where nothing else is there: the call was in vain, and its caller does not know the rule. */
function describeIgnored({ count, examples: [example = ''], isAll }: IgnoredFiles): string {
  const files = count === 1 ? '1 file ignored for its name' : `${count} files ignored for their names`;
  if (!isAll) return `${files}.`;
  const [first, ...others] = EXTENSIONS.toReversed();
  return (
    `${files}, as ${JSON.stringify(example)}: a file's name begins with a resource type, then something that is no ` +
    `letter, and ends in ${first}, ${others.join(' or ')}, as fhir/1/Patient-01.ndjson.gz.`
  );
}

/** Keys that a sentence names. */
const MOST_NAMED = 10;

function describeWithheld({ count, examples: all }: WithheldFiles): string {
  const examples = all.slice(0, MOST_NAMED);
  const more = count > examples.length ? `, and ${count - examples.length} more` : '';
  const types = count === 1 ? 'its type' : 'their types';
  return `${numberOf(count, 'file')} ignored, since the server's LOADER_RESOURCE_TYPES does not name ${types}: ${examples.join(', ')}${more}.`;
}
