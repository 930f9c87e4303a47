// @ts-check
import { byId, setText } from './dom.js';

/**
 * Calls an RPC method with the credentials that the page was opened with.
 * @param {string} method
 * @param {object} params
 * @returns {Promise<{ message: string }>}
 */
async function call(method, params) {
  // A JSON body: another site's page cannot send it without asking first, and is then refused.
  const response = await fetch('rpc', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ method, params }),
  });
  const { result, error } = await response.json();
  if (error !== undefined) throw new Error(error.message);
  return result;
}

/** Queues the bucket's failed files again. @param {string} bucket */
export async function retryFailedFiles(bucket) {
  return await call('aidbox.bulk/load-from-bucket-retry', { bucket });
}

/**
 * Cancels the load, once the reader confirms.
 * @param {string} bucket
 * @returns {Promise<{ message: string } | undefined>}
 */
export async function cancelLoad(bucket) {
  if (!(await isConfirmed(bucket))) return undefined;
  return await call('aidbox.bulk/load-from-bucket-cancel', { bucket });
}

/** @param {string} bucket */
async function isConfirmed(bucket) {
  const dialog = byId('cancel-dialog');
  if (!(dialog instanceof HTMLDialogElement)) return false;
  setText(byId('cancel-question'), `Cancel the load of ${bucket}?`);
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  return dialog.returnValue === 'cancel';
}
