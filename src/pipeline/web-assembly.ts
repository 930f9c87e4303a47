import { z } from 'zod';

/** What of WebAssembly is used; its types are a browser's, and not among Node's. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { exports: object };
}
declare const WebAssembly: WebAssemblyApi;

/** A function that a module exports. What it takes and gives is the module's word: only that it is a function can be looked at. */
export function exported<Call extends (...args: never[]) => unknown>(): z.ZodType<Call> {
  return z.custom<Call>((value) => typeof value === 'function');
}

/** What all modules export: their memory, and what makes it as large as they need it. */
export const COMMON_EXPORTS = {
  memory: z.object({ buffer: z.instanceof(ArrayBuffer) }),
  grow: exported<() => void>(),
};

/**
 * @param base64 a module that imports nothing
 * @param schema its exports, COMMON_EXPORTS among them
 * @returns its exports, once its memory has grown
 */
export function instantiate<Exports extends { grow: () => void }>(base64: string, schema: z.ZodType<Exports>): Exports {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(base64, 'base64')));
  schema.parse({ ...exports }).grow();
  // The memory has another buffer since it has grown.
  return schema.parse({ ...exports });
}
