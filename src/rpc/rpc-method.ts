import type { z } from 'zod';
import type { FhirVersion } from '../fhir/fhir-versions.ts';
import type { Format } from '../fhir/resource-format.ts';
import type { Caller } from '../load/load-request.ts';
import type { LoaderService } from '../load/loader-service.ts';

/** How resources are converted where a call does not say, by the operator's settings. */
export interface ConversionDefaults {
  format: Format;
  fhirVersion: FhirVersion;
  convertExtensions: boolean;
}

/** What the methods work with. */
export interface RpcContext {
  loader: LoaderService;
  conversion: ConversionDefaults;
  caller: Caller;
  /** Aborted when the caller has left without waiting for the answer. */
  signal: AbortSignal;
}

/** One RPC method: the shape of its params, and what it answers. */
export interface RpcMethod<Params extends z.ZodType = z.ZodType> {
  name: string;
  /** What it does, for the API reference; Markdown. */
  description: string;
  params: Params;
  /** @throws ClientError; any other error is answered as internal */
  handle(params: z.infer<Params>, context: RpcContext): Promise<unknown>;
}

/** Lets TypeScript infer a method's params from its schema. */
export function defineMethod<Params extends z.ZodType>(method: RpcMethod<Params>): RpcMethod<Params> {
  return method;
}
