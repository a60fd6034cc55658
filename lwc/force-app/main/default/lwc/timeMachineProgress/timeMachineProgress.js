import { LightningElement, api } from 'lwc';
import { label, fill } from 'c/timeMachineLabels';
import { isFinished } from 'c/timeMachineApi';

const HEADLINES = {
  COMPLETED: label.success,
  COMPLETED_WITH_ERRORS: label.successPartly,
  FAILED: label.successNone,
  ABORTED: label.aborted
};
const OUTCOMES = {
  RESTORED: { text: label.outcomeRestored, icon: 'utility:success', variant: 'success' },
  UNCHANGED: { text: label.outcomeUnchanged, icon: 'utility:success', variant: 'success' },
  REFUSED: { text: label.outcomeRefused, icon: 'utility:error', variant: 'error' },
  DIFFERS: { text: label.outcomeDiffers, icon: 'utility:warning', variant: 'warning' }
};
const THEMES = {
  COMPLETED: { icon: 'utility:success', theme: 'slds-theme_success' },
  COMPLETED_WITH_ERRORS: { icon: 'utility:warning', theme: 'headline_partly' }
};
const FAILED = { icon: 'utility:error', theme: 'slds-theme_error' };

/** One restore: how far it is, and what became of each field. */
export default class TimeMachineProgress extends LightningElement {
  /** The job as the controller answers it. */
  @api job;
  /** The chosen fields: name and label. */
  @api choices = [];

  label = label;

  get isRunning() {
    return !isFinished(this.job);
  }

  get percent() {
    const { done, total } = this.job.progress ?? {};
    return total ? Math.round((100 * done) / total) : 0;
  }

  get progressText() {
    if (this.job.state === 'QUEUED') {
      return label.progressQueued;
    }
    const { done, total } = this.job.progress ?? {};
    return fill(label.progressOf, done ?? 0, total ?? this.choices.length);
  }

  get jobText() {
    return this.job.jobNumber ? fill(label.jobNumber, this.job.jobNumber) : '';
  }

  get headline() {
    return HEADLINES[this.job.state];
  }

  get headlineIcon() {
    return (THEMES[this.job.state] ?? FAILED).icon;
  }

  get headlineVariant() {
    return this.job.state === 'COMPLETED_WITH_ERRORS' ? 'warning' : 'inverse';
  }

  get headlineClass() {
    const { theme } = THEMES[this.job.state] ?? FAILED;
    return `slds-scoped-notification slds-media slds-media_center headline ${theme}`;
  }

  get failure() {
    return this.job.outcomes?.length ? '' : this.job.error?.message;
  }

  get rows() {
    const labels = new Map(this.choices.map((choice) => [choice.name, choice.label]));
    const chosen = [...labels.keys()];
    const outcomes = [...(this.job.outcomes ?? [])].sort(
      (a, b) => chosen.indexOf(a.name) - chosen.indexOf(b.name)
    );
    return outcomes.map(({ name, outcome, code, message }) => ({
      name,
      label: labels.get(name) ?? name,
      ...OUTCOMES[outcome],
      why: [message, code && `(${code})`].filter(Boolean).join(' ')
    }));
  }

  /** Moves the focus to the result. */
  @api
  focus() {
    this.template.querySelector('.headline')?.focus();
  }

  handleDone() {
    this.dispatchEvent(new CustomEvent('done'));
  }
}
