import { createElement } from '@lwc/engine-dom';

/**
 * Puts a component on the page.
 * @param {string} tag its tag
 * @param {object} is its class
 * @param {object} properties its public properties
 * @returns {HTMLElement} the element
 */
export function mount(tag, is, properties = {}) {
  const element = Object.assign(createElement(tag, { is }), properties);
  document.body.append(element);
  return element;
}

/** Waits until promises and renderings that follow each other have settled. */
export async function settled() {
  for (let i = 0; i < 20; i++) {
    // eslint-disable-next-line no-await-in-loop -- each turn may start the next
    await Promise.resolve();
  }
}

/**
 * Finds an element in a component's template by its data-id.
 * @param {HTMLElement} element the component
 * @param {string} id the data-id
 * @returns {HTMLElement|null} the element
 */
export function byId(element, id) {
  return element.shadowRoot.querySelector(`[data-id="${id}"]`);
}

/** Takes everything off the page. */
export function clear() {
  document.body.replaceChildren();
  jest.clearAllMocks();
}

/** Makes an Apex failure as Lightning rejects it. */
export function apexError(code, message = 'From the server.') {
  return { status: 500, body: { message: JSON.stringify({ code, message }) } };
}

/** A comparison of three versions: two restorable fields, one locked, one identical. */
export const COMPARISON = {
  columns: [
    { missing: false, readAt: '2026-11-20T09:30:00Z' },
    { versionId: 'v2', capturedAt: '2026-11-19T04:30:00Z', missing: false },
    { versionId: 'v1', capturedAt: '2026-11-12T04:30:00Z', missing: false, tombstone: 'SOFT' }
  ],
  fields: [
    field('Industry', 'picklist', ['Banking', 'Retail', 'Food']),
    field('Phone', 'phone', [null, '030 1', '030 1']),
    field('Website', 'url', ['a.example', 'a.example', 'a.example']),
    {
      ...field('OwnerId', 'reference', ['005A', '005B', '005A']),
      restorable: false,
      reasonCode: 'REFERENCE',
      references: [{ name: 'Ada' }, { name: 'Bob', deleted: true }, null]
    }
  ],
  canRestore: true,
  cannotRestoreCode: null
};

function field(name, type, values) {
  const identical = values.every((value) => value === values[0]);
  return { name, label: `${name} label`, type, values, identical, restorable: true };
}
