import assert from 'node:assert/strict';
import type { FhirVersion } from '../../../src/fhir/fhir-versions.ts';
import { AidboxConverter } from '../../../src/pipeline/fhir-to-aidbox/aidbox-converter.ts';
import { NodeCompiler } from '../../../src/pipeline/fhir-to-aidbox/compile-nodes.ts';
import type { ConvertFailure } from '../../../src/pipeline/fhir-to-aidbox/convert-failure.ts';
import { DEFINITIONS } from '../../../src/pipeline/fhir-to-aidbox/fhir-version.ts';
import { PlainConverter } from '../../../src/pipeline/fhir-to-aidbox/plain-converter.ts';
import type { ResolveUri } from '../../../src/pipeline/fhir-to-aidbox/walk.ts';

/** What is around a line in its buffer. */
const BEFORE = Buffer.from('{"a"\n');
const BEHIND = Buffer.from('\n"extension":"x"}]');

/** Knows half of the URIs. */
const resolveSome: ResolveUri = (uri) =>
  uri.length % 2 === 0 ? { type: 'Patient', id: `of-${uri.length}` } : undefined;

/**
 * Converts single lines, each in a buffer of its own, with other bytes around it: with the converter for every line, and with
 * the plain one, which has to give the same bytes or to give up, whether references are resolved or not.
 */
export class LineConverter {
  /** Lines that the plain converter took. */
  plain = 0;
  readonly #compiler: NodeCompiler;
  readonly #converter: AidboxConverter;
  readonly #plainConverter: PlainConverter;

  constructor(version: FhirVersion = 'r4', convertExtensions = true) {
    this.#compiler = new NodeCompiler(DEFINITIONS[version], { convertExtensions });
    this.#converter = new AidboxConverter(this.#compiler);
    this.#plainConverter = new PlainConverter(this.#compiler);
  }

  /** The converted text, or why there is none. */
  convert(line: string, type: string): string | ConvertFailure {
    const converted = this.convertBytes(Buffer.from(line), type);
    return Buffer.isBuffer(converted) ? converted.toString('utf8') : converted;
  }

  /** The same, in bytes. */
  convertBytes(line: Buffer, type: string): Buffer | ConvertFailure {
    const bytes = Buffer.concat([BEFORE, line, BEHIND]);
    this.#convertBothWays(bytes, type, resolveSome);
    return this.#convertBothWays(bytes, type, undefined);
  }

  #convertBothWays(bytes: Buffer, type: string, resolve: ResolveUri | undefined): Buffer | ConvertFailure {
    const any = this.#convertAny(bytes, type, resolve);
    const plain = this.#convertPlain(bytes, type, resolve);
    if (plain === undefined) return any;
    this.plain++;
    const line = bytes.toString('utf8', BEFORE.length, bytes.length - BEHIND.length);
    // What Postgres refuses may be left to Postgres by one and refused by the other.
    if (isStorable(plain) || (Buffer.isBuffer(any) && isStorable(any))) {
      assert.equal(plain.toString('utf8'), Buffer.isBuffer(any) ? any.toString('utf8') : any, line);
    }
    return any;
  }

  #convertAny(bytes: Buffer, type: string, resolve: ResolveUri | undefined): Buffer | ConvertFailure {
    const [start, end] = [BEFORE.length, bytes.length - BEHIND.length];
    this.#converter.attach(bytes);
    this.#converter.resolve = resolve;
    let open = start;
    while (open < end && bytes[open] !== 0x7b) open++;
    const failure = this.#converter.convert(this.#compiler.root(type), start, open, end);
    if (failure !== undefined) return failure;
    const { segments } = this.#converter;
    const output = segments.toBuffer(bytes);
    if (output.length !== segments.bytes) throw new Error('segments tell a wrong length');
    return output;
  }

  #convertPlain(bytes: Buffer, type: string, resolve: ResolveUri | undefined): Buffer | undefined {
    const [start, end] = [BEFORE.length, bytes.length - BEHIND.length];
    const plain = this.#plainConverter;
    const root = plain.root(this.#compiler.root(type));
    if (root === undefined || !plain.convert(root, bytes, start, end, resolve !== undefined)) return undefined;
    if (resolve !== undefined) plain.resolve(bytes, start, resolve);
    const output = Buffer.alloc(plain.length);
    if (plain.write(output, 0) !== output.length) throw new Error('the plain converter tells a wrong length');
    return output;
  }
}

/** JSON that Postgres does not take in a jsonb: U+0000, half a surrogate pair perhaps. */
const NOT_STORABLE = /\\u(0000|d[89a-f])/i;

/** Whether Postgres takes it. */
function isStorable(bytes: Buffer): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(text);
    return !NOT_STORABLE.test(text);
  } catch {
    return false;
  }
}
