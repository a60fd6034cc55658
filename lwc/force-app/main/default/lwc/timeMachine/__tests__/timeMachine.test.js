import TimeMachine from 'c/timeMachine';
import versions from '@salesforce/apex/TimeMachineController.versions';
import { apexError, clear, mount, settled } from '../../../../../test/support';

jest.mock('@salesforce/apex/TimeMachineController.versions', () => ({ default: jest.fn() }), {
  virtual: true
});

async function show(properties) {
  const element = mount('c-time-machine', TimeMachine, { recordId: '001', hideFiles: true, ...properties });
  await settled();
  return element;
}

const tabs = (element) => [...element.shadowRoot.querySelectorAll('lightning-tab')].map((tab) => tab.value);
const record = (element) => element.shadowRoot.querySelector('c-time-machine-record');

describe('c-time-machine', () => {
  beforeEach(() => versions.mockResolvedValue({ versions: [], endCursor: null }));
  afterEach(clear);

  it('shows the record of the page under the configured title', async () => {
    const element = await show({ cardTitle: 'Versions', maxVersions: 20 });
    expect(element.shadowRoot.querySelector('lightning-card').title).toBe('Versions');
    expect(record(element).recordId).toBe('001');
    expect(versions).toHaveBeenCalledWith({ recordId: '001', first: 20, after: null });
    expect(tabs(element)).toEqual(['fields']);
  });

  it('is compact in a narrow region of the page', async () => {
    expect(record(await show({ flexipageRegionWidth: 'SMALL' })).compact).toBe(true);
    expect(record(await show({ flexipageRegionWidth: 'LARGE' })).compact).toBe(false);
  });

  it('tells an error of the record in its place', async () => {
    versions.mockRejectedValue(apexError('NO_RECORD_ACCESS'));
    const error = record(await show()).shadowRoot.querySelector('c-time-machine-error');
    expect(error.error.message).toBe('c.TimeMachine_ErrorNoRecordAccess');
  });

  it('is accessible', async () => {
    await expect(await show()).toBeAccessible();
  });
});
