import { LightningElement } from 'lwc';
import { harness, settings } from '../../../wire.js';

const JOBS_MS = 1000;

/** A record page: the record, which can be edited and backed up, with Time Machine and the jobs beside it. */
export default class RecordPage extends LightningElement {
  settings = settings;
  record;
  records = [];
  users = [];
  message = '';
  edited = {};
  jobs = [];
  refreshed = 0;
  backups = 0;

  get fields() {
    return this.record.fields.map((field) => ({
      ...field,
      readonly: !field.updateable,
      isLong: field.type === 'textarea',
      value: this.edited[field.name] ?? field.value ?? ''
    }));
  }

  /** A new key makes a new Time Machine, which lists the new version. */
  get machines() {
    return [{ key: `${this.record.recordId}/${this.backups}` }];
  }

  get recordOptions() {
    const listed = this.records.some(({ recordId }) => recordId === this.record.recordId);
    return [...(listed ? [] : [this.record]), ...this.records].map(({ recordId, name, objectLabel }) => ({
      value: recordId,
      label: `${objectLabel}: ${name}`
    }));
  }

  get user() {
    return settings.user ?? this.users[0].id;
  }

  get userOptions() {
    return this.users.map(({ id, name }) => ({ value: id, label: name }));
  }

  connectedCallback() {
    window.addEventListener('recordupdate', () => this.handleUpdate());
    this.open();
    setInterval(() => this.loadJobs(), JOBS_MS);
  }

  async open() {
    [{ records: this.records }, { users: this.users }] = await Promise.all([
      harness('GET', 'records'),
      harness('GET', 'users')
    ]);
    await this.load(settings.recordId ?? this.records[0].recordId);
  }

  async load(recordId) {
    this.record = await harness('GET', `record/${recordId}`);
    this.edited = {};
    await this.loadJobs();
  }

  async loadJobs() {
    ({ jobs: this.jobs } = await harness('GET', 'jobs'));
  }

  async handleUpdate() {
    await this.load(this.record.recordId);
    this.refreshed += 1;
  }

  handleRecord(event) {
    this.load(event.detail.value);
  }

  /** Somebody else has another session, and so another page. */
  handleUser(event) {
    const url = new URL(window.location.href);
    url.searchParams.set('user', event.detail.value);
    url.searchParams.set('record', this.record.recordId);
    window.location.assign(url);
  }

  handleEdit(event) {
    this.edited = { ...this.edited, [event.target.dataset.name]: event.target.value };
  }

  async handleSave() {
    try {
      await harness('PATCH', `record/${this.record.recordId}`, { fields: this.edited });
      this.message = 'Saved.';
      await this.load(this.record.recordId);
    } catch (refused) {
      this.message = refused.message;
    }
  }

  async handleBackup() {
    this.message = 'Backing up…';
    try {
      await harness('POST', 'backup', {});
      this.message = 'Backed up.';
      this.backups += 1;
      await this.load(this.record.recordId);
    } catch (refused) {
      this.message = refused.message;
    }
  }
}
