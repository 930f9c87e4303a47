/** What of WebAssembly is used; its types are a browser's, and not among Node's. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: object };
}
declare const WebAssembly: WebAssemblyApi;

/** @param base64 a module that imports nothing @returns its exports, which are to be parsed */
export function instantiate(base64: string): object {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(base64, 'base64')));
  return { ...exports };
}
