// @ts-check
import { byId, setText } from '../dom.js';
import { call } from '../server.js';

/** Cancels the load. @param {string} bucket */
export async function stopLoad(bucket) {
  return await call('aidbox.bulk/load-from-bucket-cancel', { bucket });
}

/** Asks the reader whether the load is to be stopped. @param {string} bucket */
export async function confirmStop(bucket) {
  const dialog = byId('stop-dialog');
  if (!(dialog instanceof HTMLDialogElement)) return false;
  setText(byId('stop-bucket'), bucket);
  dialog.returnValue = '';
  dialog.showModal();
  // The event of an earlier closing may come after the dialog has been opened again.
  do await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  while (dialog.open);
  return dialog.returnValue === 'stop';
}
