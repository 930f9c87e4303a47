import type { z } from 'zod';

/** What is wrong with a parameter or a setting, where its schema has no words of its own: in those that the schemas' own begin with. */
export const describeIssue: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'invalid_type') return describeType(issue.expected, issue.input);
  if (issue.code === 'invalid_value')
    return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
  if (issue.code === 'too_small') return describeBound('at least', issue.minimum, issue.origin);
  if (issue.code === 'too_big') return describeBound('at most', issue.maximum, issue.origin);
  return undefined;
};

function describeType(expected: string, input: unknown): string {
  if (input === undefined) return 'is required';
  return expected === 'int' ? 'must be a whole number' : `must be of type ${expected}`;
}

/** Of what is counted, not compared, the schemas' own words say what is counted, but for arrays. */
function describeBound(bound: string, limit: number | bigint, origin: string): string | undefined {
  if (origin === 'array') return `must have ${bound} ${limit} entries`;
  return origin === 'number' || origin === 'int' ? `must be ${bound} ${limit}` : undefined;
}
