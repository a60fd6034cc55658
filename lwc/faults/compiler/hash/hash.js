import { LightningElement } from 'lwc';

export default class Hash extends LightningElement {
  #secret() {
    return 1;
  }
}
