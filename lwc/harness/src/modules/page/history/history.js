import { LightningElement, api } from 'lwc';
import { followLog } from '../../../wire.js';

const OPERATIONS = {
  COMPOSITE_BACKUP: 'Backup',
  COMPOSITE_SYNC_BACKUP: 'Nightly backup',
  TIME_MACHINE_RESTORE: 'Time Machine restore'
};
const STATES = {
  QUEUED: 'Waiting',
  IN_PROGRESS: 'Running',
  COMPLETED: 'Done',
  COMPLETED_WITH_ERRORS: 'Done in part',
  FAILED: 'Failed',
  ABORTED: 'Aborted'
};

/** Holdfast's jobs in the org, the newest first, and the log of the one chosen as it is written. */
export default class History extends LightningElement {
  shown = [];
  chosen;
  lines = [];
  stop = () => {};

  @api
  get jobs() {
    return this.shown;
  }
  set jobs(jobs) {
    const newest = jobs[0]?.id;
    if (newest && newest !== this.shown[0]?.id) this.choose(newest);
    this.shown = jobs;
  }

  get rows() {
    return this.shown.map(({ id, number, name, operation, state }) => ({
      id,
      title: `${number} ${OPERATIONS[operation] ?? operation}`,
      name,
      state: STATES[state] ?? state,
      isChosen: String(id === this.chosen)
    }));
  }

  get logTitle() {
    const job = this.shown.find(({ id }) => id === this.chosen);
    return job ? `Log of job ${job.number}` : 'Log';
  }

  get log() {
    return this.lines.join('\n');
  }

  disconnectedCallback() {
    this.stop();
  }

  renderedCallback() {
    const log = this.template.querySelector('[data-id="log"]');
    if (log) log.scrollTop = log.scrollHeight;
  }

  choose(id) {
    this.stop();
    this.chosen = id;
    this.lines = [];
    this.stop = followLog(id, (line) => {
      this.lines = [...this.lines, line];
    });
  }

  handleChoose(event) {
    this.choose(event.currentTarget.dataset.job);
  }
}
