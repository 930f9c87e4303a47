import { z } from 'zod';
import { ClientError, type FieldError } from '../errors/client-error.ts';
import { describeIssue } from '../errors/describe-issue.ts';
import { describeUnknown, similarName } from '../text/similar-name.ts';
import { textProblem } from '../text/storable-text.ts';

/** Wrong fields that are named: a body may have a hundred thousand. */
const MOST_ERRORS = 100;

/**
 * Parses a call's params, or says everything that is wrong with them at once. No text of them, whatever it is for, may be one that
 * neither Postgres nor S3 can be told.
 * @throws ClientError of kind `invalid-params`, one FieldError per wrong or unknown field, of a hundred
 */
export function parseParams<Params extends z.ZodType>(
  schema: Params,
  params: unknown,
  method: string,
): z.infer<Params> {
  const result = schema.safeParse(params, { error: describeIssue });
  const ofTexts = textErrors(params, []);
  if (result.success && ofTexts.length === 0) return result.data;
  const paths = new Set(ofTexts.map(({ path }) => path));
  const errors = (result.error?.issues ?? [])
    .slice(0, MOST_ERRORS)
    .flatMap((issue) => toFieldErrors(issue, schema))
    .filter(({ path }) => !paths.has(path))
    .concat(ofTexts)
    .slice(0, MOST_ERRORS);
  throw new ClientError('invalid-params', 'Invalid params', { method, errors });
}

/** The texts in a value, names of its members among them, that could not be told to Postgres or S3. */
function textErrors(value: unknown, path: readonly string[]): FieldError[] {
  if (typeof value === 'string') return textError(value, path);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const at = [...path, name];
    return [...textError(name, at), ...textErrors(member, at)];
  });
}

function textError(text: string, path: readonly string[]): FieldError[] {
  const message = textProblem(text);
  return message === undefined ? [] : [{ message, path: path.join('.'), type: 'invalid_format' }];
}

function toFieldErrors(issue: z.core.$ZodIssue, schema: z.ZodType): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ message: issue.message, path: path.join('.'), type: issue.code }];
  return issue.keys.slice(0, MOST_ERRORS).map((key) => {
    const known = keysAt(schema, path);
    const meant = similarName(key, known);
    return { message: unknownParameter(known, meant), path: [...path, key].join('.'), type: issue.code };
  });
}

/** What is said of a parameter that is none of the known ones; `meant` is the one that is probably meant. */
export function unknownParameter(known: readonly string[], meant?: string): string {
  return describeUnknown('unknown parameter', known, meant);
}

/** The names of a method's parameters. */
export function parameterNames(schema: z.ZodType): string[] {
  return keysAt(schema, []);
}

function keysAt(schema: z.ZodType, path: readonly string[]): string[] {
  let at: unknown = unwrap(schema);
  for (const step of path) at = at instanceof z.ZodObject ? unwrap(at.shape[step]) : undefined;
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return unwrap(schema.unwrap());
  return schema;
}
