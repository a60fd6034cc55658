import TimeMachineConfirm from 'c/timeMachineConfirm';
import { byId, clear, mount, settled } from '../../../../../test/support';

const choices = [
  { name: 'Industry', label: 'Industry', now: 'Banking', then: 'Retail' },
  { name: 'Phone', label: 'Phone', now: '030 1', then: '' }
];

const show = () => mount('c-time-machine-confirm', TimeMachineConfirm, { choices });

function closed(element) {
  const close = jest.fn();
  element.addEventListener('close', close);
  return () => close.mock.calls[0][0].detail;
}

describe('c-time-machine-confirm', () => {
  afterEach(clear);

  it('lists what will be written, and what becomes empty', () => {
    const rows = [...show().shadowRoot.querySelectorAll('tbody tr')].map((row) =>
      [...row.children].map((cell) => cell.textContent)
    );
    expect(rows).toEqual([
      ['Industry', 'Banking', 'Retail'],
      ['Phone', '030 1', 'c.TimeMachine_Empty']
    ]);
  });

  it('closes with the answer', () => {
    const element = show();
    const answer = closed(element);
    byId(element, 'confirm').click();
    expect(answer()).toBe('restore');
  });

  it('closes with nothing when cancelled', () => {
    const element = show();
    const answer = closed(element);
    byId(element, 'cancel').click();
    expect(answer()).toBeNull();
  });

  it('is accessible', async () => {
    const element = show();
    await settled();
    await expect(element).toBeAccessible();
  });
});
