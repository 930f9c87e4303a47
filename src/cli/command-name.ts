/** How the reader calls this program, so that a hint can be typed as it stands: `npm run cli --` in a checkout. */
export function commandName(environment: NodeJS.ProcessEnv = process.env): string {
  const script = environment['npm_lifecycle_event'];
  if (script === 'cli') return 'npm run cli --';
  return script === 'npx' ? 'npx fhir-bucket-loader' : 'fhir-bucket-loader';
}
