import '@lwc/synthetic-shadow';
import { createElement } from 'lwc';
import RecordPage from 'page/recordPage';

const page = createElement('page-record-page', { is: RecordPage });
document.getElementById('page').append(page);
