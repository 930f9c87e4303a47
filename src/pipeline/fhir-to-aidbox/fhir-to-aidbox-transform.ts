import type { LineErrorDetail } from '../../errors/line-error.ts';
import type { ReferenceTarget } from '../../fhir/reference-target.ts';
import { decodeString, skipSpace } from '../json-scan.ts';
import { ResourceScanner } from '../resource-scanner.ts';
import type { KnownReferences, LineResult, LineTransform } from '../transform.ts';
import { AidboxConverter } from './aidbox-converter.ts';
import type { NodeCompiler } from './compile-nodes.ts';
import type { ConvertFailure } from './convert-failure.ts';
import { instantMicros } from './instant.ts';
import type { Node } from './node.ts';
import type { PlainConverter } from './plain-converter.ts';

export interface FhirToAidboxOptions {
  /** The type that the file's name promises, in FHIR's spelling. */
  resourceType: string;
  /** The FHIR version's nodes. */
  compiler: NodeCompiler;
  plainConverter: PlainConverter;
  /** Whether `meta.lastUpdated` becomes the row's `ts`; otherwise it is left out. */
  keepLastUpdated: boolean;
  /** Whether a line without it is bad. */
  requireLastUpdated?: boolean | undefined;
  /** What open references mean; without it they stay as they are. */
  references?: KnownReferences | undefined;
}

/** Stores a resource in Aidbox's storage format; `AidboxConverter` says how it differs from FHIR's. */
export class FhirToAidboxTransform implements LineTransform {
  idBytes: Buffer = Buffer.alloc(0);
  idStart = 0;
  idEnd = 0;
  jsonBytes = 0;
  ts: bigint | undefined;
  references: ReferenceTarget[] | undefined;

  readonly #options: FhirToAidboxOptions;
  readonly #scanner: ResourceScanner;
  readonly #converter: AidboxConverter;
  readonly #root: Node;
  readonly #plain: PlainConverter;
  /** The root's place for the plain converter; undefined where that has none. */
  readonly #plainRoot: number | undefined;
  #isPlain = false;
  #buffer: Buffer = Buffer.alloc(0);
  #failure: ConvertFailure | undefined;

  constructor(options: FhirToAidboxOptions) {
    this.#options = options;
    this.#scanner = new ResourceScanner(options.resourceType);
    this.#converter = new AidboxConverter(options.compiler);
    this.#root = options.compiler.root(options.resourceType);
    this.#plain = options.plainConverter;
    this.#plainRoot = this.#plain.root(this.#root);
    const { references: known } = options;
    if (known === undefined) return;
    const met: ReferenceTarget[] = [];
    this.references = met;
    this.#converter.resolve = (uri) => {
      const target = known.targetOf(uri);
      if (target !== undefined) met.push(target);
      return target?.result === 'resolved' ? target : undefined;
    };
  }

  attach(buffer: Buffer): void {
    this.#buffer = buffer;
    this.#scanner.attach(buffer);
    this.#converter.attach(buffer);
  }

  take(start: number, end: number): LineResult {
    if (this.references !== undefined) this.references.length = 0;
    this.#isPlain = this.#takePlain(start, end);
    return this.#isPlain ? 'row' : this.#takeAny(start, end);
  }

  #takePlain(start: number, end: number): boolean {
    const plain = this.#plain;
    const root = this.#plainRoot;
    const { resolve } = this.#converter;
    const buffer = this.#buffer;
    if (root === undefined || !plain.convert(root, buffer, start, end, resolve !== undefined)) return false;
    if (plain.idTo === 0) return false;
    if (this.#options.keepLastUpdated) {
      const { lastUpdatedFrom, lastUpdatedTo } = plain;
      if (lastUpdatedTo === 0 && this.#options.requireLastUpdated) return false;
      const text = buffer.toString('latin1', start + lastUpdatedFrom + 1, start + lastUpdatedTo - 1);
      this.ts = lastUpdatedTo === 0 ? undefined : instantMicros(text);
      if (lastUpdatedTo > 0 && this.ts === undefined) return false;
    }
    if (resolve !== undefined) plain.resolve(buffer, start, resolve);
    this.idBytes = buffer;
    this.idStart = start + plain.idFrom;
    this.idEnd = start + plain.idTo;
    this.jsonBytes = plain.length;
    return true;
  }

  #takeAny(start: number, end: number): LineResult {
    const scanner = this.#scanner;
    const converter = this.#converter;
    this.#failure = undefined;
    const result = scanner.scan(start, end);
    if (result !== 'resource') return result;
    const open = skipSpace(this.#buffer, start, end);
    this.#failure = converter.convert(this.#root, start, open, end);
    if (this.#failure !== undefined) return this.#failure.code;
    this.idBytes = scanner.id.bytes;
    this.idStart = scanner.id.start;
    this.idEnd = scanner.id.end;
    this.jsonBytes = converter.segments.bytes;
    return this.#options.keepLastUpdated ? this.#takeLastUpdated() : 'row';
  }

  writeJson(out: Buffer, at: number): number {
    if (this.#isPlain) return this.#plain.write(out, at);
    return this.#converter.segments.write(this.#buffer, out, at);
  }

  get failureDetail(): LineErrorDetail {
    const { path, keys }: Partial<ConvertFailure> = this.#failure ?? {};
    return {
      id: this.#scanner.idSoFar,
      expectedType: this.#options.resourceType,
      ...(path === undefined ? {} : { path }),
      ...(keys === undefined ? {} : { keys }),
    };
  }

  #takeLastUpdated(): LineResult {
    const { lastUpdatedFrom, lastUpdatedTo } = this.#converter.columns;
    this.ts = undefined;
    if (lastUpdatedTo === 0)
      return this.#options.requireLastUpdated ? this.#failLastUpdated('last-updated-missing') : 'row';
    this.ts = instantMicros(decodeString(this.#buffer, lastUpdatedFrom, lastUpdatedTo - 1) ?? '');
    return this.ts === undefined ? this.#failLastUpdated('last-updated-invalid') : 'row';
  }

  #failLastUpdated(code: 'last-updated-missing' | 'last-updated-invalid'): LineResult {
    this.#failure = { code, path: `${this.#options.resourceType}.meta.lastUpdated` };
    return code;
  }
}
