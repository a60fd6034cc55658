import { LightningElement } from 'lwc';
import lodash from 'lodash';

export default class Leak extends LightningElement {
  connectedCallback() {
    document.querySelector('c-other').innerHTML = lodash.noop();
  }
}
