import { LightningElement, api } from 'lwc';
import { notifyRecordUpdateAvailable } from 'lightning/uiRecordApi';
import getVersions from '@salesforce/apex/TimeMachineController.versions';
import compare from '@salesforce/apex/TimeMachineController.compare';
import restoreFields from '@salesforce/apex/TimeMachineController.restoreFields';
import restoreJob from '@salesforce/apex/TimeMachineController.restoreJob';
import streamTicket from '@salesforce/apex/TimeMachineController.streamTicket';
import TimeMachineConfirm from 'c/timeMachineConfirm';
import { label } from 'c/timeMachineLabels';
import { isFinished, listen, pollUntilFinished, reduceError } from 'c/timeMachineApi';

const PICK = 'pick';
const COMPARE = 'compare';
const RESTORE = 'restore';

/** One record's way through Time Machine: pick versions, compare, restore. */
export default class TimeMachineRecord extends LightningElement {
  /** How many versions to list at once. */
  @api maxVersions = 50;
  /** Whether there is little room. */
  @api compact = false;
  /** Whether to stream progress from the server rather than ask for it. */
  @api liveProgress = false;

  label = label;
  step = PICK;
  busy = false;
  error;
  retry;
  versions = [];
  endCursor;
  chosen = [];
  comparison;
  choices = [];
  job;
  moveFocus = false;
  following = new AbortController();
  _recordId;

  /** The record. */
  @api
  get recordId() {
    return this._recordId;
  }
  set recordId(recordId) {
    if (recordId !== this._recordId) {
      this._recordId = recordId;
      if (this.isConnected) {
        this.start();
      }
    }
  }

  get isPicking() {
    return this.step === PICK && !this.firstLoad;
  }

  get isComparing() {
    return this.step === COMPARE && this.comparison;
  }

  get isRestoring() {
    return this.step === RESTORE;
  }

  get firstLoad() {
    return this.versions.length === 0 && (this.busy || Boolean(this.error));
  }

  get canRetry() {
    return Boolean(this.retry);
  }

  connectedCallback() {
    if (this.job && !isFinished(this.job)) {
      this.following = new AbortController();
      this.follow();
    } else if (this.versions.length === 0) {
      this.start();
    }
  }

  disconnectedCallback() {
    this.following.abort();
  }

  renderedCallback() {
    const target = this.moveFocus && this.template.querySelector('[data-focus]');
    if (target) {
      this.moveFocus = false;
      target.focus();
    }
  }

  start() {
    this.following.abort();
    this.following = new AbortController();
    Object.assign(this, {
      step: PICK,
      versions: [],
      endCursor: null,
      chosen: [],
      comparison: null,
      job: null
    });
    if (this._recordId) {
      this.handleOlder();
    }
  }

  /** Fetches the first page of versions, or the next one. */
  handleOlder() {
    return this.attempt(this.handleOlder, async () => {
      const { _recordId: recordId, endCursor: after } = this;
      const page = await getVersions({ recordId, first: this.maxVersions, after });
      if (recordId === this._recordId) {
        this.versions = after ? [...this.versions, ...page.versions] : page.versions;
        this.endCursor = page.endCursor;
      }
    });
  }

  handleCompare(event) {
    this.chosen = event.detail.versionIds;
    return this.compare();
  }

  compare() {
    return this.attempt(this.compare, async () => {
      const { _recordId: recordId } = this;
      const comparison = await compare({ recordId, versionIds: this.chosen });
      if (recordId === this._recordId) {
        this.comparison = comparison;
        this.goTo(COMPARE);
      }
    });
  }

  handleBack() {
    this.goTo(PICK);
  }

  async handleRestore(event) {
    this.choices = event.detail.choices;
    const answer = await TimeMachineConfirm.open({
      label: label.confirmTitle,
      size: 'small',
      choices: this.choices
    });
    if (answer === 'restore') {
      await this.restore(crypto.randomUUID());
    }
  }

  restore(idempotencyKey) {
    const again = () => this.restore(idempotencyKey);
    return this.attempt(again, async () => {
      const fields = this.choices.map(({ name, versionId, seen }) => ({ name, versionId, seen }));
      const { job } = await restoreFields({ recordId: this._recordId, fields, idempotencyKey });
      this.job = job;
      this.goTo(RESTORE);
      this.follow();
    });
  }

  /** Stays with the job until it is finished. */
  follow() {
    const { signal } = this.following;
    return this.attempt(this.follow, async () => {
      this.busy = false;
      if (this.liveProgress && !isFinished(this.job)) {
        await this.stream(signal);
      }
      const read = async () => (await restoreJob({ recordId: this._recordId, jobId: this.job.id })).job;
      const onChange = (job) => {
        this.moveFocus = isFinished(job);
        this.job = job;
      };
      const finished = await pollUntilFinished(read, onChange, signal);
      if (finished) {
        await notifyRecordUpdateAvailable([{ recordId: this._recordId }]);
      }
    });
  }

  async stream(signal) {
    try {
      const ticket = await streamTicket({ recordId: this._recordId, jobId: this.job.id });
      const onChange = ({ progress }) => {
        this.job = { ...this.job, state: 'IN_PROGRESS', progress };
      };
      await listen(ticket, onChange, signal);
    } catch {
      // The stream is a comfort: asking goes on where it stopped.
    }
  }

  /** After a restore the same versions stand beside the record as it is now. */
  handleDone() {
    return this.compare();
  }

  handleRetry() {
    return this.retry();
  }

  goTo(step) {
    this.step = step;
    this.moveFocus = true;
  }

  async attempt(retry, act) {
    this.busy = true;
    this.error = undefined;
    try {
      await act();
      this.retry = undefined;
    } catch (thrown) {
      this.error = reduceError(thrown);
      this.retry = this.wayOut(retry);
    } finally {
      this.busy = false;
    }
  }

  // A version that is gone cannot be retried, and a record that has changed is compared anew.
  wayOut(retry) {
    switch (this.error.code) {
      case 'VERSION_NOT_FOUND':
        return this.start;
      case 'CURRENT_CHANGED':
        return this.compare;
      default:
        return retry;
    }
  }
}
