import { z } from 'zod';
import { ClientError, type FieldError } from '../errors/client-error.ts';
import type { SearchFilter, SearchSort } from '../store/resources.ts';
import { describeUnknown, similarName } from '../text/similar-name.ts';
import type { RestFields } from './resource-fields.ts';

const MOST_COUNT = 1000;
const MOST_PAGE = 1_000_000;

/** More than any resource has fields to sort by, and few enough for a statement. */
const MOST_SORT_FIELDS = 20;

/** Columns that every resource can be sorted by. */
const SORT_COLUMNS = ['_lastUpdated', '_createdAt', '_id'];

/** Parameters that say how to answer, not what to find, and the values that they take. */
export const CONTROLS: Readonly<Record<string, { takes: string; fits(value: string): boolean }>> = {
  _count: { takes: `a whole number from 0 to ${MOST_COUNT}`, fits: (value) => isInteger(value, 0, MOST_COUNT) },
  _page: { takes: 'a whole number from 1', fits: (value) => isInteger(value, 1, MOST_PAGE) },
  _sort: { takes: `up to ${MOST_SORT_FIELDS} field names`, fits: () => true },
  // The total is always counted, and exact.
  _total: { takes: 'accurate', fits: (value) => value === 'accurate' },
};

/** Checked where the answer is written, of whatever request. */
export const OF_EVERY_ANSWER = new Set(['_format']);

/** FHIR's modifier of a text that is searched for within the field's, in letters of either case. */
export const CONTAINS = ':contains';

/** The parameters of a query string; one that is repeated has all its values. */
export type Query = Readonly<Record<string, string | string[]>>;

const isObject = z.custom<object>((value) => typeof value === 'object' && value !== null);
const entriesSchema = z.array(z.tuple([z.string(), z.union([z.string(), z.array(z.string())])]));

/**
 * Reads all parameters, whatever their names: `z.record` leaves out `__proto__`, and a deletion with that filter alone deleted
 * everything.
 */
export function parseQuery(query: unknown): Query {
  return Object.fromEntries(entriesSchema.parse(Object.entries(isObject.parse(query))));
}

/** Reads a query string and gathers all that is wrong with it. */
export class QueryReader {
  readonly #fields: RestFields;
  readonly #errors: FieldError[] = [];

  constructor(fields: RestFields) {
    this.#fields = fields;
  }

  /**
   * @param controls names of the control parameters that the request takes
   * @param modifiers those of fields' names that it takes
   */
  filters(given: Query, controls: readonly string[], modifiers: readonly string[]): SearchFilter[] {
    return Object.entries(given).flatMap(([name, value]) => {
      if (OF_EVERY_ANSWER.has(name)) return [];
      if (controls.includes(name)) {
        this.#checkControl(name, value);
        return [];
      }
      return this.#filtersOf(name, [value].flat(), modifiers);
    });
  }

  sort(given: string | string[] | undefined): SearchSort[] {
    const fields = [given ?? []].flat().flatMap((names) => names.split(','));
    if (fields.length > MOST_SORT_FIELDS) {
      this.#refuse('_sort', `must name ${MOST_SORT_FIELDS} fields at most`, 'too_big');
      return [];
    }
    return fields.map((field) => this.#toSort(field));
  }

  /** @throws ClientError when anything was wrong */
  check(): void {
    if (this.#errors.length > 0) throw new ClientError('invalid-params', 'Invalid params', { errors: this.#errors });
  }

  #filtersOf(name: string, values: readonly string[], modifiers: readonly string[]): SearchFilter[] {
    const modifier = modifiers.find((each) => name.endsWith(each)) ?? '';
    const field = name.slice(0, name.length - modifier.length).replace(/^\./, '');
    const isId = name === '_id' || field === 'id';
    const kind = isId ? 'text' : this.#fields.kind(field);
    if (kind === undefined) {
      this.#refuse(name, this.#unknown(field, ['_id', ...Object.keys(CONTROLS)]), 'unrecognized_keys');
      return [];
    }
    if (modifier !== '' && (isId || kind !== 'text')) {
      this.#refuse(name, `${modifier} goes with fields of free text only`, 'invalid_value');
      return [];
    }
    const within = modifier === CONTAINS ? { within: true } : {};
    return values.map((text) => {
      const wanted = splitValues(text);
      for (const value of wanted) {
        const problem = value === '' ? 'must have a value' : this.#fields.problem(kind, value);
        if (problem !== undefined) this.#refuse(name, problem, 'invalid_value');
      }
      return { path: isId ? ['id'] : field.split('.'), values: wanted, ...within };
    });
  }

  #checkControl(name: string, value: string | string[]): void {
    if (name === '_sort') return;
    const control = CONTROLS[name];
    if (control === undefined || (typeof value === 'string' && control.fits(value))) return;
    this.#refuse(name, `must be ${control.takes}, once`, 'invalid_value');
  }

  #toSort(field: string): SearchSort {
    const descending = field.startsWith('-');
    const name = descending ? field.slice(1) : field;
    if (SORT_COLUMNS.includes(name)) return { path: [name], descending };
    const plain = name.replace(/^\./, '');
    if (this.#fields.kind(plain) === undefined)
      this.#refuse('_sort', this.#unknown(plain, SORT_COLUMNS), 'invalid_value');
    return { path: plain.split('.'), descending };
  }

  #unknown(name: string, more: readonly string[]): string {
    const known = [...this.#fields.names, ...more];
    return describeUnknown(`unknown field of ${this.#fields.type}`, known, similarName(name, known));
  }

  #refuse(path: string, message: string, type: string): void {
    this.#errors.push({ message, path, type });
  }
}

/** Values of a parameter: separated by commas; a backslash takes its meaning from a following `,`, `|`, `$` or `\`. */
function splitValues(text: string): string[] {
  const values = [''];
  for (const [part] of text.matchAll(/\\[\s\S]|[\s\S]/g)) {
    if (part === ',') values.push('');
    else values[values.length - 1] += /^\\[,|$\\]$/.test(part) ? part.slice(1) : part;
  }
  return values;
}

function isInteger(text: string, min: number, max: number): boolean {
  return /^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max;
}
