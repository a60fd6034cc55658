import {
  filterFields,
  formatValue,
  isTickable,
  reasonOf,
  sourcesOf,
  toChoices,
  toRow
} from 'c/timeMachineFields';
import { COMPARISON } from '../../../../../test/support';

const [industry, phone, website, owner] = COMPARISON.fields;

describe('formatValue', () => {
  it.each([
    ['12345.5', 'currency', '$12,345.50'],
    ['12.5', 'percent', '12.5%'],
    ['123456789012345678.12', 'double', '123,456,789,012,345,678.12'],
    ['1200', 'int', '1,200'],
    ['2026-03-31', 'date', 'Mar 31, 2026'],
    ['2026-01-01T02:00:00Z', 'datetime', 'Dec 31, 2025, 6:00 PM'],
    ['13:45:00.000Z', 'time', '1:45 PM'],
    ['true', 'boolean', 'c.TimeMachine_True'],
    ['DACH;Nordics', 'multipicklist', 'DACH\nNordics'],
    ['no date at all', 'date', 'no date at all'],
    ['text; as it is', 'string', 'text; as it is'],
    [null, 'string', '']
  ])('%s as %s', (value, type, text) => {
    expect(formatValue(value, type).replace(/\s(?=[AP]M)/, ' ')).toBe(text);
  });

  it('takes the currency of the record', () => {
    expect(formatValue('10', 'currency', 'EUR')).toBe('€10.00');
  });
});

describe('rows', () => {
  const context = {
    columns: COMPARISON.columns.map((column, i) => ({ ...column, heading: `column ${i}` })),
    choices: new Map([['Industry', 2]]),
    expanded: new Set(),
    canRestore: true
  };

  it('marks what differs and what is chosen', () => {
    const { cells } = toRow(industry, context);
    expect(cells.map(({ isDifferent, isChosen }) => [isDifferent, isChosen])).toEqual([
      [false, false],
      [true, false],
      [true, true]
    ]);
  });

  it('names the record that a reference refers to, and says when it is deleted', () => {
    expect(toRow(owner, context).cells.map(({ text }) => text)).toEqual([
      'Ada',
      'c.TimeMachine_ReferenceDeleted',
      '005A'
    ]);
  });

  it('offers no source where the version lacks the field', () => {
    expect(sourcesOf({ ...phone, absent: [1] })).toEqual([2]);
  });

  it('says why a field has no tick', () => {
    expect([industry, website, owner].map(reasonOf)).toEqual(['', '', 'c.TimeMachine_ReasonReference']);
    expect([industry, website, owner].map(isTickable)).toEqual([true, false, false]);
    expect(reasonOf({ ...owner, reasonCode: 'NEW_CODE', reason: 'The server says.' })).toBe(
      'The server says.'
    );
  });

  it('finds fields by label or API name', () => {
    const found = (search) =>
      filterFields(COMPARISON.fields, { search, hideIdentical: false }).map(({ name }) => name);
    expect(found(' owner')).toEqual(['OwnerId']);
    expect(found('LABEL')).toHaveLength(4);
  });

  it('makes choices in the order of the fields', () => {
    const choices = new Map([
      ['Phone', 1],
      ['Industry', 2]
    ]);
    expect(toChoices(COMPARISON, choices)).toEqual([
      {
        name: 'Industry',
        versionId: 'v1',
        seen: 'Banking',
        label: 'Industry label',
        now: 'Banking',
        then: 'Food'
      },
      { name: 'Phone', versionId: 'v2', seen: null, label: 'Phone label', now: '', then: '030 1' }
    ]);
  });
});
