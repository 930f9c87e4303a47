import { z } from 'zod';
import { printJson, printLines } from './print-lines.ts';

const answerSchema = z.object({ message: z.string() });

/** Prints what a method answered: its message, or all of it as JSON. */
export function printAnswer(answer: unknown, { json }: { json?: boolean }): void {
  const message = json === true ? undefined : answerSchema.safeParse(answer).data?.message;
  if (message === undefined) printJson(answer);
  else printLines([message]);
}
