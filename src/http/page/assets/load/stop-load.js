// @ts-check
import { byId, setText } from '../dom.js';
import { call } from '../server.js';

/**
 * Cancels the load, once the reader confirms.
 * @param {string} bucket
 * @returns {Promise<{ message: string } | undefined>}
 */
export async function stopLoad(bucket) {
  if (!(await isConfirmed(bucket))) return undefined;
  return await call('aidbox.bulk/load-from-bucket-cancel', { bucket });
}

/** @param {string} bucket */
async function isConfirmed(bucket) {
  const dialog = byId('stop-dialog');
  if (!(dialog instanceof HTMLDialogElement)) return false;
  setText(byId('stop-bucket'), bucket);
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  return dialog.returnValue === 'stop';
}
