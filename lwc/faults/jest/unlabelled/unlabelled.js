import { LightningElement } from 'lwc';

export default class Unlabelled extends LightningElement {}
