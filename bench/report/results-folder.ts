import { fileURLToPath } from 'node:url';

/**
 * Where benches write figures and plots: BENCH_RESULTS_FOLDER, else bench/results/, which bench/README.md shows. So a small run that only
 * tries a bench does not overwrite what was measured.
 */
export function resultsFolder(): string {
  return process.env['BENCH_RESULTS_FOLDER'] ?? fileURLToPath(new URL('../results/', import.meta.url));
}
