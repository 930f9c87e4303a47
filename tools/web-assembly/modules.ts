/** Where a WebAssembly module comes from, and where it goes. */
export interface WebAssemblySource {
  /** Folder of the AssemblyScript. */
  readonly sources: URL;
  readonly target: URL;
  /** What the target exports. */
  readonly constant: string;
}

/** By the name of their command. */
export const MODULES: Readonly<Record<string, WebAssemblySource>> = {
  'plain-converter': {
    sources: new URL('../plain-converter/', import.meta.url),
    target: new URL('../../src/pipeline/fhir-to-aidbox/plain-converter-wasm.ts', import.meta.url),
    constant: 'PLAIN_CONVERTER_WASM',
  },
  'plain-rows': {
    sources: new URL('../plain-rows/', import.meta.url),
    target: new URL('../../src/pipeline/plain-rows-wasm.ts', import.meta.url),
    constant: 'PLAIN_ROWS_WASM',
  },
  'row-hashes': {
    sources: new URL('../row-hashes/', import.meta.url),
    target: new URL('../../src/target/row-hashes-wasm.ts', import.meta.url),
    constant: 'ROW_HASHES_WASM',
  },
};
