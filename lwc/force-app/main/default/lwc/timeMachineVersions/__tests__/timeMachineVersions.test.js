import TimeMachineVersions from 'c/timeMachineVersions';
import { byId, clear, mount, settled } from '../../../../../test/support';

const versions = [6, 5, 4, 3, 2, 1].map((day) => ({
  id: `v${day}`,
  capturedAt: `2026-11-0${day}T04:30:00Z`,
  modifiedByName: day === 6 ? 'Ada' : null,
  tombstone: day === 5 ? 'SOFT' : null
}));

const show = (properties) =>
  mount('c-time-machine-versions', TimeMachineVersions, { versions, ...properties });
const boxes = (element) => [...element.shadowRoot.querySelectorAll('lightning-input')];

function tick(box, checked) {
  box.checked = checked;
  box.dispatchEvent(new CustomEvent('change'));
}

describe('c-time-machine-versions', () => {
  afterEach(clear);

  it('offers the versions, the newest first, and at most four of them', () => {
    const list = show().shadowRoot.querySelector('lightning-dual-listbox');
    expect(list.options.map(({ value }) => value)).toEqual(['v6', 'v5', 'v4', 'v3', 'v2', 'v1']);
    expect(list.options[0].label).toBe('c.TimeMachine_VersionLabel');
    expect(list.options[1].label).toBe('c.TimeMachine_VersionDeleted');
    expect(list.max).toBe(4);
  });

  it('compares what is chosen, in the order of the versions', async () => {
    const element = show();
    const compare = jest.fn();
    element.addEventListener('compare', compare);
    expect(byId(element, 'compare').disabled).toBe(true);
    const list = element.shadowRoot.querySelector('lightning-dual-listbox');
    list.dispatchEvent(new CustomEvent('change', { detail: { value: ['v1', 'v5'] } }));
    await settled();
    byId(element, 'compare').click();
    expect(compare.mock.calls[0][0].detail.versionIds).toEqual(['v5', 'v1']);
  });

  it('refuses a fifth tick where there is little room', async () => {
    const element = show({ compact: true, chosen: ['v6', 'v5', 'v4', 'v3'] });
    const fifth = boxes(element)[4];
    tick(fifth, true);
    await settled();
    expect(fifth.checked).toBe(false);
    expect(byId(element, 'refused').textContent).toBe('c.TimeMachine_VersionsTooMany');
    tick(boxes(element)[0], false);
    tick(fifth, true);
    await settled();
    expect(byId(element, 'refused')).toBeNull();
    expect(element.chosen).toEqual(['v5', 'v4', 'v3', 'v2']);
  });

  it('fetches older versions and says when there are none at all', async () => {
    const element = show({ hasOlder: true });
    const older = jest.fn();
    element.addEventListener('older', older);
    byId(element, 'older').click();
    expect(older).toHaveBeenCalledTimes(1);
    element.versions = [];
    await settled();
    expect(byId(element, 'none').textContent).toBe('c.TimeMachine_NoVersions');
  });

  it.each([true, false])('is accessible (compact: %s)', async (compact) => {
    const element = show({ compact });
    await settled();
    await expect(element).toBeAccessible();
  });
});
