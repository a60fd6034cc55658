import { LightningElement, api } from 'lwc';

export default class Flagged extends LightningElement {
  @api flag = true;
}
