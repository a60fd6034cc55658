/**
 * Tells the page that a record has changed outside Lightning Data Service.
 * @param {{recordId: string}[]} records which
 */
export async function notifyRecordUpdateAvailable(records) {
  window.dispatchEvent(new CustomEvent('recordupdate', { detail: records }));
}
