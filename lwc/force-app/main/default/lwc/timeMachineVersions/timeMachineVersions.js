import { LightningElement, api } from 'lwc';
import { label, fill } from 'c/timeMachineLabels';
import { formatVersion } from 'c/timeMachineFields';

const MOST = 4;

/** Chooses up to four of a record's versions: a dual list, or tick boxes where there is little room. */
export default class TimeMachineVersions extends LightningElement {
  /** The versions, the newest first. */
  @api versions = [];
  /** Whether the server has older ones: offers to fetch them with `older`. */
  @api hasOlder = false;
  /** Tick boxes in place of the dual list. */
  @api compact = false;

  label = label;
  most = MOST;
  refused = false;
  _chosen = [];

  /** The ids of the chosen versions. */
  @api
  get chosen() {
    return this._chosen;
  }
  set chosen(ids) {
    this._chosen = [...(ids ?? [])];
  }

  get options() {
    return this.versions.map((version) => ({
      value: version.id,
      label: formatVersion(version),
      checked: this._chosen.includes(version.id)
    }));
  }

  get countText() {
    return fill(label.versionsCount, this._chosen.length);
  }

  get isEmpty() {
    return this.versions.length === 0;
  }

  get nothingChosen() {
    return this._chosen.length === 0;
  }

  /** Moves the focus to the first version. */
  @api
  focus() {
    this.template.querySelector('lightning-dual-listbox, lightning-input')?.focus();
  }

  handleList(event) {
    this._chosen = [...event.detail.value];
  }

  handleTick(event) {
    const { value } = event.target.dataset;
    const kept = this._chosen.filter((id) => id !== value);
    this.refused = event.target.checked && kept.length === MOST;
    if (this.refused) {
      event.target.checked = false;
      return;
    }
    this._chosen = event.target.checked ? [...kept, value] : kept;
  }

  handleOlder() {
    this.dispatchEvent(new CustomEvent('older'));
  }

  /** Fires `compare` with the ids, the newest version first. */
  handleCompare() {
    const versionIds = this.versions.map((version) => version.id).filter((id) => this._chosen.includes(id));
    this.dispatchEvent(new CustomEvent('compare', { detail: { versionIds } }));
  }
}
