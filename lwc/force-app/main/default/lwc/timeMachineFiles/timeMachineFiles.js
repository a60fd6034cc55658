import { LightningElement, api } from 'lwc';
import { NavigationMixin } from 'lightning/navigation';
import getFiles from '@salesforce/apex/TimeMachineController.files';
import fileLink from '@salesforce/apex/TimeMachineController.fileLink';
import locale from '@salesforce/i18n/locale';
import { label, fill } from 'c/timeMachineLabels';
import { formatTime } from 'c/timeMachineFields';
import { reduceError } from 'c/timeMachineApi';

const STATES = { PRESENT: label.filePresent, DELETED: label.fileDeleted, ARCHIVED: label.fileArchived };
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

/** The files of a record as Holdfast keeps them, also those that the org no longer has. */
export default class TimeMachineFiles extends NavigationMixin(LightningElement) {
  label = label;
  files;
  endCursor;
  error;
  busy = false;
  _recordId;

  /** The record. */
  @api
  get recordId() {
    return this._recordId;
  }
  set recordId(recordId) {
    this._recordId = recordId;
    this.files = undefined;
    this.endCursor = null;
    if (recordId) {
      this.load();
    }
  }

  get rows() {
    return (this.files ?? []).map((file) => {
      const name = file.extension ? `${file.title}.${file.extension}` : file.title;
      return {
        ...file,
        name,
        size: formatBytes(file.bytes),
        stateText: STATES[file.state],
        captured: formatTime(file.capturedAt),
        openLabel: fill(label.fileOpen, name)
      };
    });
  }

  get isEmpty() {
    return this.files?.length === 0;
  }

  load() {
    return this.attempt(async () => {
      const { _recordId: recordId, endCursor: after } = this;
      const page = await getFiles({ recordId, after });
      if (recordId === this._recordId) {
        this.files = [...(this.files ?? []), ...page.files];
        this.endCursor = page.endCursor;
      }
    });
  }

  handleOpen(event) {
    const { fileId } = event.target.dataset;
    return this.attempt(async () => {
      const { url } = await fileLink({ recordId: this._recordId, fileId });
      this[NavigationMixin.Navigate]({ type: 'standard__webPage', attributes: { url } });
    });
  }

  async attempt(act) {
    this.busy = true;
    this.error = undefined;
    try {
      await act();
    } catch (thrown) {
      this.error = reduceError(thrown);
    } finally {
      this.busy = false;
    }
  }
}

function formatBytes(bytes) {
  if (bytes === null || bytes === undefined) {
    return label.fileUnknownSize;
  }
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  const unitDisplay = power === 0 ? 'long' : 'short'; // "13 byte" otherwise
  const options = { style: 'unit', unit: UNITS[power], unitDisplay, maximumFractionDigits: 1 };
  return new Intl.NumberFormat(locale, options).format(bytes / 1000 ** power);
}
