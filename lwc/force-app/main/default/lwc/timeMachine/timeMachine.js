import { LightningElement, api } from 'lwc';
import formFactor from '@salesforce/client/formFactor';
import { label } from 'c/timeMachineLabels';

/** Time Machine as a part of a record page. */
export default class TimeMachine extends LightningElement {
  /** The record, set by the page. */
  @api recordId;
  /** The record's SObject, set by the page. */
  @api objectApiName;
  /** The width of the page's region, set by the page: SMALL, MEDIUM or LARGE. */
  @api flexipageRegionWidth;
  /** The card's title, in place of Time Machine. */
  @api cardTitle;
  /** How many versions to list at once. */
  @api maxVersions = 50;
  /** Leaves the Files tab out. */
  @api hideFiles = false;
  /** Shows the tab of deleted related records. */
  @api showDeletedRelated = false;
  /** Streams the progress of a restore from the server, which takes a Trusted URL. */
  @api liveProgress = false;

  label = label;

  get title() {
    return this.cardTitle || label.title;
  }

  get compact() {
    return formFactor === 'Small' || this.flexipageRegionWidth === 'SMALL';
  }

  get showFiles() {
    return !this.hideFiles;
  }
}
