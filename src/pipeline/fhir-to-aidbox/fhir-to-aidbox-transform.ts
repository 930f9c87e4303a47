import type { LineErrorDetail } from '../../errors/line-error.ts';
import type { ReferenceTarget } from '../../fhir/reference-target.ts';
import { putBytes } from '../put-bytes.ts';
import { ResourceScanner } from '../resource-scanner.ts';
import type { KnownReferences, LineResult, LineTransform } from '../transform.ts';
import { AidboxConverter } from './aidbox-converter.ts';
import type { BracketIndex } from './bracket-index.ts';
import type { NodeCompiler } from './compile-nodes.ts';
import type { ConvertFailure } from './convert-failure.ts';
import { instantMicros } from './instant.ts';
import { decodeString, skipSpace } from './json-scan.ts';
import type { Node } from './node.ts';

export interface FhirToAidboxOptions {
  /** The type that the file's name promises, in FHIR's spelling. */
  resourceType: string;
  /** The FHIR version's nodes. */
  compiler: NodeCompiler;
  brackets: BracketIndex;
  /** Whether `meta.lastUpdated` becomes the row's `ts`; otherwise it is left out. */
  keepLastUpdated: boolean;
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
  #buffer: Buffer = Buffer.alloc(0);
  #failure: ConvertFailure | undefined;

  constructor(options: FhirToAidboxOptions) {
    this.#options = options;
    this.#scanner = new ResourceScanner(options.resourceType);
    this.#converter = new AidboxConverter(options.compiler, options.brackets);
    this.#root = options.compiler.root(options.resourceType);
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
    const scanner = this.#scanner;
    const converter = this.#converter;
    this.#failure = undefined;
    const result = scanner.scan(start, end);
    if (result !== 'resource') return result;
    if (this.references !== undefined) this.references.length = 0;
    const open = skipSpace(this.#buffer, start, end);
    this.#failure = converter.convert(this.#root, start, open, end);
    if (this.#failure !== undefined) return this.#failure.code;
    this.idBytes = scanner.idBytes;
    this.idStart = scanner.idStart;
    this.idEnd = scanner.idEnd;
    this.jsonBytes = converter.segments.bytes;
    return this.#options.keepLastUpdated ? this.#takeLastUpdated() : 'row';
  }

  writeJson(out: Buffer, at: number): number {
    const { from, to, words, count } = this.#converter.segments;
    const buffer = this.#buffer;
    let next = at;
    for (let k = 0; k < count; k++) {
      const begin = from[k] ?? 0;
      next =
        begin < 0 ? putBytes(out, next, words, ~begin, to[k] ?? 0) : putBytes(out, next, buffer, begin, to[k] ?? 0);
    }
    return next;
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
    const { lastUpdatedFrom, lastUpdatedTo } = this.#converter;
    this.ts = undefined;
    if (lastUpdatedTo === 0) return 'row';
    this.ts = instantMicros(decodeString(this.#buffer, lastUpdatedFrom, lastUpdatedTo - 1) ?? '');
    if (this.ts !== undefined) return 'row';
    const code = 'last-updated-invalid';
    this.#failure = { code, path: `${this.#options.resourceType}.meta.lastUpdated` };
    return code;
  }
}
