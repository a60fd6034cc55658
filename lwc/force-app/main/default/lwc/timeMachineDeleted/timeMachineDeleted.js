import { LightningElement, api } from 'lwc';
import deletedRelated from '@salesforce/apex/TimeMachineController.deletedRelated';
import { label, fill } from 'c/timeMachineLabels';
import { formatTime } from 'c/timeMachineFields';
import { reduceError } from 'c/timeMachineApi';

const STATES = { SOFT: label.deletedSoft, HARD: label.deletedHard, ARCHIVED: label.deletedArchived };

/** Deleted records that belonged to a record; each opens to its own versions. */
export default class TimeMachineDeleted extends LightningElement {
  /** How many versions to list at once. */
  @api maxVersions = 50;
  /** Whether there is little room. */
  @api compact = false;

  label = label;
  records;
  endCursor;
  error;
  busy = false;
  opened;
  _recordId;

  /** The record that they belonged to. */
  @api
  get recordId() {
    return this._recordId;
  }
  set recordId(recordId) {
    this._recordId = recordId;
    Object.assign(this, { records: undefined, endCursor: null, opened: undefined });
    if (recordId) {
      this.load();
    }
  }

  get rows() {
    return (this.records ?? []).map((record) => {
      const name = record.name ?? record.recordId;
      return {
        ...record,
        name,
        stateText: STATES[record.tombstone],
        deleted: formatTime(record.deletedAt),
        openLabel: fill(label.deletedOpen, name)
      };
    });
  }

  get isEmpty() {
    return this.records?.length === 0;
  }

  async load() {
    const { _recordId: recordId, endCursor: after } = this;
    this.busy = true;
    this.error = undefined;
    try {
      const page = await deletedRelated({ recordId, after });
      if (recordId === this._recordId) {
        this.records = [...(this.records ?? []), ...page.records];
        this.endCursor = page.endCursor;
      }
    } catch (thrown) {
      this.error = reduceError(thrown);
    } finally {
      this.busy = false;
    }
  }

  handleOpen(event) {
    const { record } = event.target.dataset;
    this.opened = this.rows.find((row) => row.recordId === record);
  }

  handleBack() {
    this.opened = undefined;
  }
}
