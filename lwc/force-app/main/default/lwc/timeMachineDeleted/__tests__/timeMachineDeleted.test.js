import TimeMachineDeleted from 'c/timeMachineDeleted';
import deletedRelated from '@salesforce/apex/TimeMachineController.deletedRelated';
import versions from '@salesforce/apex/TimeMachineController.versions';
import { apexError, byId, clear, mount, settled } from '../../../../../test/support';

jest.mock('@salesforce/apex/TimeMachineController.deletedRelated', () => ({ default: jest.fn() }), {
  virtual: true
});
jest.mock('@salesforce/apex/TimeMachineController.versions', () => ({ default: jest.fn() }), {
  virtual: true
});

const CARLA = {
  objectName: 'Contact',
  objectLabel: 'Contact',
  recordId: '003A',
  name: 'Carla',
  tombstone: 'SOFT'
};
const NAMELESS = { ...CARLA, recordId: '003B', name: null, tombstone: 'HARD' };

async function show() {
  const element = mount('c-time-machine-deleted', TimeMachineDeleted, { recordId: '001' });
  await settled();
  return element;
}

describe('c-time-machine-deleted', () => {
  afterEach(clear);

  it('lists deleted records, those without a readable name by id', async () => {
    deletedRelated.mockResolvedValue({ records: [CARLA, NAMELESS], endCursor: null });
    const names = [...(await show()).shadowRoot.querySelectorAll('button.link')].map(
      (each) => each.textContent
    );
    expect(names).toEqual(['Carla', '003B']);
  });

  it('opens one to its own versions, and goes back', async () => {
    deletedRelated.mockResolvedValue({ records: [CARLA], endCursor: null });
    versions.mockResolvedValue({ versions: [], endCursor: null });
    const element = await show();
    element.shadowRoot.querySelector('button.link').click();
    await settled();
    expect(element.shadowRoot.querySelector('c-time-machine-record').recordId).toBe('003A');
    byId(element, 'back').click();
    await settled();
    expect(element.shadowRoot.querySelector('c-time-machine-record')).toBeNull();
  });

  it('says when there are none, and when the user may not see them', async () => {
    deletedRelated.mockResolvedValueOnce({ records: [], endCursor: null });
    expect(byId(await show(), 'none').textContent).toBe('c.TimeMachine_NoDeleted');
    deletedRelated.mockRejectedValueOnce(apexError('NO_DELETED_ACCESS'));
    const refused = await show();
    expect(refused.shadowRoot.querySelector('c-time-machine-error').error.message).toBe(
      'c.TimeMachine_ErrorNoDeletedAccess'
    );
  });

  it('is accessible', async () => {
    deletedRelated.mockResolvedValue({ records: [CARLA], endCursor: null });
    await expect(await show()).toBeAccessible();
  });
});
