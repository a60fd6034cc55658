import TimeMachineCompare from 'c/timeMachineCompare';
import { COMPARISON, byId, clear, mount, settled } from '../../../../../test/support';

const show = (comparison = COMPARISON) => mount('c-time-machine-compare', TimeMachineCompare, { comparison });
const row = (element, name) => element.shadowRoot.querySelector(`tr[data-field="${name}"]`);
const names = (element) =>
  [...element.shadowRoot.querySelectorAll('tr[data-field]')].map((each) => each.dataset.field);

async function tick(element, name, checked = true) {
  const box = row(element, name).querySelector('input[type="checkbox"]');
  box.checked = checked;
  box.dispatchEvent(new CustomEvent('change'));
  await settled();
}

async function change(element, id, properties) {
  const input = byId(element, id);
  Object.assign(input, properties);
  input.dispatchEvent(new CustomEvent('change'));
  await settled();
}

function restored(element) {
  const restore = jest.fn();
  element.addEventListener('restore', restore);
  byId(element, 'restore').click();
  return restore.mock.calls[0][0].detail.choices;
}

describe('c-time-machine-compare', () => {
  afterEach(clear);

  it('shows every field, the current value first', () => {
    const element = show();
    expect(names(element)).toEqual(['Industry', 'Phone', 'Website', 'OwnerId']);
    const cells = [...row(element, 'Industry').querySelectorAll('td .value')].map((cell) => cell.textContent);
    expect(cells).toEqual(['Banking', 'Retail', 'Food']);
  });

  it('hides identical fields and searches by label', async () => {
    const element = show();
    await change(element, 'hide', { checked: true });
    expect(names(element)).toEqual(['Industry', 'Phone', 'OwnerId']);
    await change(element, 'search', { value: 'PHO' });
    expect(names(element)).toEqual(['Phone']);
    await change(element, 'search', { value: 'nothing of the kind' });
    expect(byId(element, 'empty').textContent).toBe('c.TimeMachine_NoFieldsFound');
  });

  it('has ticks on restorable fields that differ, and the reason on the others', () => {
    const element = show();
    expect(row(element, 'Industry').querySelector('input[type="checkbox"]')).not.toBeNull();
    expect(row(element, 'OwnerId').querySelector('input')).toBeNull();
    expect(row(element, 'OwnerId').querySelector('[data-id="reason"]').textContent).toBe(
      'c.TimeMachine_ReasonReference'
    );
    expect(row(element, 'Website').querySelector('input, [data-id="reason"]')).toBeNull();
  });

  it('restores from the newest version that differs, or from the one chosen', async () => {
    const element = show();
    await tick(element, 'Industry');
    await tick(element, 'Phone');
    const second = row(element, 'Industry').querySelectorAll('input[type="radio"]')[1];
    second.dispatchEvent(new CustomEvent('change'));
    await settled();
    expect(restored(element).map(({ name, versionId, seen }) => ({ name, versionId, seen }))).toEqual([
      { name: 'Industry', versionId: 'v1', seen: 'Banking' },
      { name: 'Phone', versionId: 'v2', seen: null }
    ]);
  });

  it('chooses every field of a version, and none again', async () => {
    const element = show();
    element.shadowRoot.querySelectorAll('[data-id="choose-all"]')[1].click();
    await settled();
    expect(restored(element).map(({ name, versionId }) => `${name} ${versionId}`)).toEqual([
      'Industry v1',
      'Phone v1'
    ]);
    byId(element, 'clear').click();
    await settled();
    expect(byId(element, 'restore').disabled).toBe(true);
    await tick(element, 'Phone');
    await tick(element, 'Phone', false);
    expect(byId(element, 'restore').disabled).toBe(true);
  });

  it('only compares for a user who may not restore, and says why', () => {
    const element = show({ ...COMPARISON, canRestore: false, cannotRestoreCode: 'NO_RESTORE_PERMISSION' });
    expect(byId(element, 'notice').textContent).toContain('c.TimeMachine_NoticeNoPermission');
    expect(element.shadowRoot.querySelector('td input, th input')).toBeNull();
    expect(byId(element, 'restore')).toBeNull();
  });

  it('folds long text until asked', async () => {
    const long = {
      ...COMPARISON.fields[0],
      name: 'Description',
      type: 'textarea',
      values: ['x', 'y'.repeat(400), 'x']
    };
    const element = show({ ...COMPARISON, fields: [long] });
    const expand = row(element, 'Description').querySelector('.expand');
    expect(element.shadowRoot.querySelectorAll('.value_clamped')).toHaveLength(1);
    expand.click();
    await settled();
    expect(element.shadowRoot.querySelectorAll('.value_clamped')).toHaveLength(0);
  });

  it('is accessible', async () => {
    const element = show();
    await tick(element, 'Industry');
    await expect(element).toBeAccessible();
  });
});
