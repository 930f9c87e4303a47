// @ts-check
import { call } from '../server.js';

/** @typedef {import('../../../../progress/run-history.ts').RunReport} RunReport */
/** @typedef {import('../../../../progress/run-history.ts').RunHistory} RunHistory */

const METHOD = 'fhir-bucket-loader/history';

/** Runs read at a time. */
const COUNT = 10;

/**
 * A bucket's runs, the latest first.
 * @param {string} bucket
 * @param {number} [before] the `next-before` of the ones before these
 * @returns {Promise<RunHistory>}
 */
export function readRuns(bucket, before) {
  return call(METHOD, { bucket, limit: COUNT, ...(before === undefined ? {} : { before }) });
}

/**
 * One run, with its calls and its rate curve.
 * @param {number} run
 * @returns {Promise<RunReport | undefined>}
 */
export async function readRun(run) {
  /** @type {RunHistory} */
  const { runs } = await call(METHOD, { run });
  return runs[0];
}

/**
 * The params of the latest call of a run, where the server can load with them by itself: a call without an account was
 * made with the server's own credentials, or of a folder; the secrets of all others are kept nowhere.
 * @param {RunReport | undefined} run
 * @returns {object | undefined}
 */
export function paramsToLoadAgain(run) {
  const params = run?.calls.at(-1)?.params;
  return params === undefined || 'account' in params ? undefined : { ...params, 'dry-run?': false };
}
