import { LightningElement, api } from 'lwc';

/** Stands in for lightning/modal, which sfdx-lwc-jest has no stub of. */
export default class LightningModal extends LightningElement {
  static open = jest.fn();

  @api label;
  @api size;

  close(result) {
    this.dispatchEvent(new CustomEvent('close', { detail: result }));
  }
}
