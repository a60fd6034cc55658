import { LightningElement, api } from 'lwc';
import { label } from 'c/timeMachineLabels';

/** A failure, told where it happened, with the way out. */
export default class TimeMachineError extends LightningElement {
  /** What reduceError made of it: { code, message }. */
  @api error;
  /** Offer to try again: fires `retry`. */
  @api retriable = false;

  label = label;

  handleRetry() {
    this.dispatchEvent(new CustomEvent('retry'));
  }
}
