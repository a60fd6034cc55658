import { api } from 'lwc';
import LightningModal from 'lightning/modal';
import { label } from 'c/timeMachineLabels';

/** Asks before anything is written: closes with 'restore', or with nothing. */
export default class TimeMachineConfirm extends LightningModal {
  /** What will be written: name, label, now, then. */
  @api choices = [];

  // LightningModal has a label of its own.
  text = label;

  get rows() {
    return this.choices.map((choice) => ({
      ...choice,
      now: choice.now || label.empty,
      then: choice.then || label.empty
    }));
  }

  handleCancel() {
    this.close();
  }

  handleRestore() {
    this.close('restore');
  }
}
