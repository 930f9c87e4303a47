import { z } from 'zod';

const answerSchema = z.object({ message: z.string() });

/** Prints what a method answered: its message, or all of it as JSON. */
export function printAnswer(answer: unknown, { json }: { json?: boolean }): void {
  const message = json === true ? undefined : answerSchema.safeParse(answer).data?.message;
  process.stdout.write(`${message ?? JSON.stringify(answer)}\n`);
}
