/** In which form resources are stored: converted from FHIR's to Aidbox's, or as the file has them. */
export const FORMATS = ['fhir', 'as-is'] as const;
export type Format = (typeof FORMATS)[number];
