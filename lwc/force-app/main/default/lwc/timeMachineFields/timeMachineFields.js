/**
 * The comparison as rows: what to show, what may be ticked, how a value reads. Pure functions only.
 */
import locale from '@salesforce/i18n/locale';
import timeZone from '@salesforce/i18n/timeZone';
import orgCurrency from '@salesforce/i18n/currency';
import { label, fill } from 'c/timeMachineLabels';

const LONG_TEXT = 160;
const LONG_LINES = 4;

const REASONS = {
  RECORD_ID: label.reasonRecordId,
  REFERENCE: label.reasonReference,
  FORMULA: label.reasonFormula,
  AUTO_NUMBER: label.reasonAutoNumber,
  AUDIT_FIELD: label.reasonAudit,
  COMPOUND: label.reasonCompound,
  BINARY: label.reasonBinary,
  READ_ONLY: label.reasonReadOnly,
  FIELD_GONE: label.reasonFieldGone,
  NO_EDIT_ACCESS: label.reasonNoEditAccess
};

const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short', timeZone });
// Two versions may be of one minute.
const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium', timeZone });
const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });
const time = new Intl.DateTimeFormat(locale, { timeStyle: 'short', timeZone: 'UTC' });
const numbers = new Map();

// A formatter costs more to make than a whole row to show.
function number(decimals, style) {
  const key = JSON.stringify([decimals, style]);
  if (!numbers.has(key)) {
    numbers.set(
      key,
      new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: 20, ...style })
    );
  }
  return numbers.get(key);
}

function decimalsOf(value) {
  return (value.split('.')[1] ?? '').length;
}

const FORMATS = {
  boolean: (value) => (value === 'true' ? label.true : label.false),
  date: (value) => date.format(new Date(`${value}T00:00:00Z`)),
  datetime: (value) => dateTime.format(new Date(value)),
  time: (value) => time.format(new Date(`1970-01-01T${value}`)),
  currency: (value, currency) =>
    number(Math.max(2, decimalsOf(value)), { style: 'currency', currency: currency ?? orgCurrency }).format(
      value
    ),
  percent: (value) => number(decimalsOf(value), { style: 'unit', unit: 'percent' }).format(value),
  double: (value) => number(decimalsOf(value)).format(value),
  int: (value) => number(0).format(value),
  long: (value) => number(0).format(value),
  multipicklist: (value) => value.split(';').join('\n')
};

/**
 * Formats a value of a backup as the user's locale and time zone have it.
 * @param {string|null} value the exact text
 * @param {string} type the field's type
 * @param {string} [currency] the record's currency
 * @returns {string} what to show; empty for no value
 */
export function formatValue(value, type, currency) {
  if (value === null || value === undefined || value === '') {
    return '';
  }
  try {
    return FORMATS[type]?.(value, currency) ?? value;
  } catch {
    return value;
  }
}

/**
 * Formats a point in time in the user's zone.
 * @param {string} at ISO 8601
 * @returns {string} what to show
 */
export function formatTime(at) {
  return formatValue(at, 'datetime');
}

/**
 * Formats when the record was last changed in a version, exactly enough to tell it from the next.
 * @param {{capturedAt: string, modifiedAt: string}} version the version
 * @returns {string} what to show
 */
export function formatMoment({ capturedAt, modifiedAt }) {
  return moment.format(new Date(modifiedAt ?? capturedAt));
}

/**
 * Names a version by when and by whom the record was last changed in it.
 * @param {{capturedAt: string, modifiedAt: string, modifiedByName: string, tombstone: string}} version the version
 * @returns {string} what to show
 */
export function formatVersion({ capturedAt, modifiedAt, modifiedByName, tombstone }) {
  const at = formatMoment({ capturedAt, modifiedAt });
  const text = modifiedByName ? fill(label.versionLabel, at, modifiedByName) : at;
  return tombstone ? fill(label.versionDeleted, text) : text;
}

/**
 * Says why a field can never be restored in place; empty when it can.
 * @param {object} field a field of the comparison
 * @returns {string} a sentence
 */
export function reasonOf(field) {
  return field.restorable ? '' : (REASONS[field.reasonCode] ?? field.reason ?? '');
}

/**
 * Lists the columns that a field can be restored from: the versions with another value than the current one.
 * @param {object} field a field of the comparison
 * @returns {number[]} places in field.values
 */
export function sourcesOf(field) {
  return field.values
    .map((_, column) => column)
    .filter((column) => column > 0 && differs(field, column) && !isAbsent(field, column));
}

function isAbsent(field, column) {
  return Boolean(field.absent?.includes(column));
}

/**
 * Tells whether there is something to restore.
 * @param {object} field a field of the comparison
 * @returns {boolean} whether some version can give it another value
 */
export function isTickable(field) {
  return field.restorable && sourcesOf(field).length > 0;
}

function differs(field, column) {
  return (field.values[column] ?? '') !== (field.values[0] ?? '');
}

/**
 * Keeps the fields to show.
 * @param {object[]} fields the fields of the comparison
 * @param {{search: string, hideIdentical: boolean}} filter what to keep
 * @returns {object[]} those that match
 */
export function filterFields(fields, { search, hideIdentical }) {
  const wanted = search.trim().toLowerCase();
  return fields.filter(
    (field) =>
      !(hideIdentical && field.identical) &&
      (field.label.toLowerCase().includes(wanted) || field.name.toLowerCase().includes(wanted))
  );
}

/**
 * Makes one row of the grid.
 * @param {object} field a field of the comparison
 * @param {object} context columns (with heading), choices (field name to column), expanded names, canRestore
 * @returns {object} the row
 */
export function toRow(field, { columns, choices, expanded, canRestore }) {
  const reason = reasonOf(field);
  const chosen = choices.get(field.name);
  const isOpen = expanded.has(field.name);
  const comparable = !columns[0].missing;
  const cells = columns.map((column, place) => toCell(field, { column, place, chosen, isOpen, comparable }));
  const isLong = cells.some((cell) => cell.isLong);
  return {
    name: field.name,
    label: field.label,
    ticked: chosen !== undefined,
    tickable: canRestore && isTickable(field),
    blocked: canRestore && Boolean(reason),
    tickLabel: fill(label.restoreField, field.label),
    reason,
    cells,
    isLong,
    isOpen,
    expandLabel: isOpen ? label.showLessText : label.showAllText
  };
}

function toCell(field, { column, place, chosen, isOpen, comparable }) {
  const text = textOf(field, place, column.currencyIsoCode);
  const isLong = text.length > LONG_TEXT || text.split('\n').length > LONG_LINES;
  const isDifferent = comparable && place > 0 && differs(field, place);
  return {
    key: `${field.name}-${place}`,
    place,
    heading: column.heading,
    text: text || label.empty,
    isLong,
    isDifferent,
    isSource: chosen !== undefined && isDifferent && !isAbsent(field, place),
    isChosen: chosen === place,
    group: `source-${field.name}`,
    sourceLabel: fill(label.restoreFrom, field.label, column.heading),
    textClass: classes('value', isLong && !isOpen && 'value_clamped', !text && 'slds-text-color_weak'),
    cellClass: classes('cell', isDifferent && 'cell_differs', chosen === place && 'cell_chosen')
  };
}

function classes(...names) {
  return names.filter(Boolean).join(' ');
}

function textOf(field, place, currency) {
  const reference = field.references?.[place];
  if (reference?.name && field.values[place]) {
    return reference.deleted ? fill(label.referenceDeleted, reference.name) : reference.name;
  }
  return formatValue(field.values[place], field.type, currency);
}

/**
 * Lists what to write, as restoreFields takes it and as people confirm it.
 * @param {object} comparison the comparison
 * @param {Map<string, number>} choices field name to column
 * @returns {object[]} name, versionId, seen; label, now, then
 */
export function toChoices({ columns, fields }, choices) {
  return fields
    .filter((field) => choices.has(field.name))
    .map((field) => {
      const place = choices.get(field.name);
      return {
        name: field.name,
        versionId: columns[place].versionId,
        seen: field.values[0] ?? null,
        label: field.label,
        now: textOf(field, 0, columns[0].currencyIsoCode),
        then: textOf(field, place, columns[place].currencyIsoCode)
      };
    });
}
