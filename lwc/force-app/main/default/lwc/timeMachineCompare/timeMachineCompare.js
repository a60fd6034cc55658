import { LightningElement, api } from 'lwc';
import { label, fill } from 'c/timeMachineLabels';
import {
  filterFields,
  formatMoment,
  formatTime,
  formatVersion,
  isTickable,
  sourcesOf,
  toChoices,
  toRow
} from 'c/timeMachineFields';

const NOTICES = {
  NO_RESTORE_PERMISSION: label.noticeNoPermission,
  NO_RECORD_EDIT_ACCESS: label.noticeNoEditAccess,
  RECORD_DELETED: label.noticeDeleted
};

/** The current record beside its versions, field by field, with a tick for each field to put back. */
export default class TimeMachineCompare extends LightningElement {
  label = label;
  search = '';
  hideIdentical = false;
  choices = new Map();
  expanded = new Set();
  _comparison = { columns: [], fields: [] };

  /** What the controller's compare answers. A new one drops the ticks. */
  @api
  get comparison() {
    return this._comparison;
  }
  set comparison(comparison) {
    this._comparison = comparison;
    this.choices = new Map();
    this.expanded = new Set();
  }

  get columns() {
    return this._comparison.columns.map((column, place) => ({
      key: column.versionId ?? 'current',
      place,
      missing: column.missing,
      currencyIsoCode: column.currencyIsoCode,
      isVersion: place > 0,
      isPickable: place > 0 && this._comparison.canRestore,
      heading: headingOf(column, place),
      caption: place > 0 ? label.versionHeading : label.current,
      detail: detailOf(column, place),
      chooseAllLabel: fill(label.chooseAllFrom, headingOf(column, place))
    }));
  }

  // Labels break in the middle of a word where six columns share the width evenly.
  get cornerClass() {
    return this._comparison.columns.length > 4 ? 'corner corner_wide' : 'corner';
  }

  get shown() {
    return filterFields(this._comparison.fields, this);
  }

  get rows() {
    const context = {
      columns: this.columns,
      choices: this.choices,
      expanded: this.expanded,
      canRestore: this._comparison.canRestore
    };
    return this.shown.map((field) => toRow(field, context));
  }

  get canRestore() {
    return this._comparison.canRestore;
  }

  get notice() {
    return NOTICES[this._comparison.cannotRestoreCode];
  }

  get countText() {
    return fill(label.fieldCount, this.shown.length, this._comparison.fields.length);
  }

  get emptyText() {
    if (this.shown.length) {
      return '';
    }
    return this._comparison.fields.every((field) => field.identical)
      ? label.allIdentical
      : label.noFieldsFound;
  }

  get chosenText() {
    const { size } = this.choices;
    if (size === 0) {
      return label.chosenNone;
    }
    return size === 1 ? label.chosenOne : fill(label.chosenCount, size);
  }

  get nothingChosen() {
    return this.choices.size === 0;
  }

  handleSearch(event) {
    this.search = event.target.value ?? '';
  }

  handleHide(event) {
    this.hideIdentical = event.target.checked;
  }

  handleTick(event) {
    const { name } = event.target.dataset;
    const choices = new Map(this.choices);
    if (event.target.checked) {
      choices.set(name, sourcesOf(this.fieldNamed(name))[0]);
    } else {
      choices.delete(name);
    }
    this.choices = choices;
  }

  handleSource(event) {
    const { name, place } = event.target.dataset;
    this.choices = new Map(this.choices).set(name, Number(place));
  }

  handleChooseAll(event) {
    const place = Number(event.target.dataset.place);
    const choices = new Map(this.choices);
    this.shown
      .filter((field) => isTickable(field) && sourcesOf(field).includes(place))
      .forEach((field) => choices.set(field.name, place));
    this.choices = choices;
  }

  handleExpand(event) {
    const { name } = event.target.dataset;
    const expanded = new Set(this.expanded);
    if (!expanded.delete(name)) {
      expanded.add(name);
    }
    this.expanded = expanded;
  }

  handleClear() {
    this.choices = new Map();
  }

  handleBack() {
    this.dispatchEvent(new CustomEvent('back'));
  }

  /** Fires `restore` with the choices, as toChoices makes them. */
  handleRestore() {
    const choices = toChoices(this._comparison, this.choices);
    this.dispatchEvent(new CustomEvent('restore', { detail: { choices } }));
  }

  /** Moves the focus to the grid. */
  @api
  focus() {
    this.template.querySelector('.region')?.focus();
  }

  fieldNamed(name) {
    return this._comparison.fields.find((field) => field.name === name);
  }
}

function headingOf(column, place) {
  return place === 0 ? label.current : formatMoment(column);
}

function detailOf(column, place) {
  if (place === 0) {
    return column.missing ? label.currentMissing : formatTime(column.readAt);
  }
  return formatVersion(column);
}
