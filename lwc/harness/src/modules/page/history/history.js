import { LightningElement, api } from 'lwc';

/** The jobs of the org with their logs, the newest first. */
export default class History extends LightningElement {
  @api jobs = [];

  get rows() {
    return this.jobs.map((job) => ({
      ...job,
      title: `${job.number} ${job.operation}: ${job.state}`,
      text: job.log.join('\n')
    }));
  }
}
