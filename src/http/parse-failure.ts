import { YAMLException } from 'js-yaml';

/**
 * Why a parser refused a body, and where, in the parser's words but without those of the body, which both parsers quote: it may
 * hold credentials, and answers end up in the logs of those who call.
 * @param text the body
 */
export function parseFailure(error: unknown, text: string): string {
  if (error instanceof YAMLException) {
    const { reason, mark } = error;
    return withPlace(withoutQuotes(reason), mark);
  }
  const message = error instanceof Error ? error.message : String(error);
  return withPlace(withoutQuotes(message), placeOfContext(message, text));
}

/** In a text. */
export interface Place {
  /** From 0, as is `column`. */
  line: number;
  column: number;
}

/** A reason, and where it is. */
export function withPlace(reason: string, place: Place | undefined): string {
  return place === undefined ? reason : `${reason} (line ${place.line + 1} column ${place.column + 1})`;
}

/** What the parsers put before a piece of the body: a string, a tag (`!<tag>`), or the rest of the message. */
const QUOTE_STARTS = ['"', '!<', ': '];

function withoutQuotes(message: string): string {
  const starts = QUOTE_STARTS.map((start) => message.indexOf(start)).filter((at) => at >= 0);
  const kept = message.slice(0, Math.min(message.length, ...starts)).replace(/[ ,.]{1,8}$/, '');
  return kept === '' ? 'it begins with no value' : kept;
}

/** How much V8 quotes of what is before the token that it did not expect. */
const CONTEXT_LENGTH = 10;

/** V8 names no place where it quotes one; undefined where the quote is not a unique piece of the body. */
function placeOfContext(message: string, text: string): Place | undefined {
  const lead = ', ..."';
  const from = message.indexOf(lead);
  if (from < 0) return undefined;
  const to = Math.max(message.lastIndexOf('"...'), message.lastIndexOf('" is not'));
  const context = message.slice(from + lead.length, to);
  const at = text.indexOf(context);
  if (at < 0 || text.indexOf(context, at + 1) >= 0) return undefined;
  return placeAt(text, at + CONTEXT_LENGTH);
}

/** The place of an index of a text. */
export function placeAt(text: string, index: number): Place {
  const before = text.slice(0, index).split('\n');
  return { line: before.length - 1, column: before.at(-1)?.length ?? 0 };
}
