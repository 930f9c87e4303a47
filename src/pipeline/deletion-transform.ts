import { z } from 'zod';
import type { LineErrorDetail } from '../errors/line-error.ts';
import { isLoadable, type LoadableTypes } from '../fhir/loadable-types.ts';
import type { LineResult, LineTransform } from './transform.ts';

/** A type and an id of characters that stand for themselves in a URL (RFC 3986, "unreserved"): files are loaded with more than FHIR's. */
const TARGET = /^[A-Z][A-Za-z]{0,62}\/[A-Za-z0-9\-._~]{1,64}$/;

/** A transaction that only deletes, as FHIR's Bulk Data Access lists what was deleted ("Response - Complete Status", `deleted`). */
const bundleSchema = z.object({
  resourceType: z.literal('Bundle'),
  type: z.literal('transaction'),
  entry: z
    .array(
      z.strictObject({
        fullUrl: z.string().optional(),
        request: z.strictObject({
          method: z.literal('DELETE'),
          url: z.string().regex(TARGET, 'must be <type>/<id>'),
        }),
      }),
    )
    .min(1, 'must have an entry'),
});

/**
 * The deletes of a Bundle as a row: its JSON is an array of `[type, id]`, its id the number of the Bundle in the file. All
 * that is not such a Bundle is a bad line. Builds objects: lists of deletes are short.
 */
export class DeletionTransform implements LineTransform {
  readonly idStart = 0;
  idBytes: Buffer = Buffer.alloc(0);
  idEnd = 0;
  jsonBytes = 0;
  failureDetail: LineErrorDetail = {};

  readonly #loadableTypes: LoadableTypes;
  #buffer: Buffer = Buffer.alloc(0);
  #json: Buffer = Buffer.alloc(0);
  #bundles = 0;

  /** @param loadableTypes of others, nothing is deleted either */
  constructor(loadableTypes: LoadableTypes) {
    this.#loadableTypes = loadableTypes;
  }

  attach(buffer: Buffer): void {
    this.#buffer = buffer;
  }

  take(start: number, end: number): LineResult {
    const text = this.#buffer.toString('utf8', start, end).trim();
    this.failureDetail = {};
    if (text === '') return 'blank';
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return 'not-json';
    }
    const bundle = bundleSchema.safeParse(value);
    if (!bundle.success) {
      const [issue] = bundle.error.issues;
      this.failureDetail = { path: pathOf(issue?.path ?? []), reason: issue?.message };
      return 'not-a-deletion';
    }
    const targets = bundle.data.entry.map(({ request: { url } }) => url.split('/'));
    const withheld = targets.findIndex(([type = '']) => !isLoadable(type, this.#loadableTypes));
    if (withheld >= 0) {
      this.failureDetail = { path: pathOf(['entry', withheld]), expectedType: targets[withheld]?.[0] };
      return 'type-not-loadable';
    }
    this.#bundles++;
    this.idBytes = Buffer.from(String(this.#bundles));
    this.idEnd = this.idBytes.length;
    this.#json = Buffer.from(JSON.stringify(targets));
    this.jsonBytes = this.#json.length;
    return 'row';
  }

  writeJson(out: Buffer, at: number): number {
    return at + this.#json.copy(out, at);
  }
}

function pathOf(path: readonly PropertyKey[]): string {
  return ['Bundle', ...path].reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  );
}
