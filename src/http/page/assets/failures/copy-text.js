// @ts-check
import { element } from '../dom.js';

/** Puts a text on the reader's clipboard. @param {string} text @throws {Error} when the browser refuses */
export async function copyText(text) {
  // Only pages by https, or of this machine, have the clipboard.
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = element('textarea', { class: 'visually-hidden' });
  field.value = text;
  document.body.append(field);
  const focused = document.activeElement;
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!copied) throw new Error('the browser does not let this page write to the clipboard');
}
