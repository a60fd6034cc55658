import { randomUUID } from 'crypto';
import { notifyRecordUpdateAvailable } from 'lightning/uiRecordApi';
import TimeMachineRecord from 'c/timeMachineRecord';
import TimeMachineConfirm from 'c/timeMachineConfirm';
import versions from '@salesforce/apex/TimeMachineController.versions';
import compare from '@salesforce/apex/TimeMachineController.compare';
import restoreFields from '@salesforce/apex/TimeMachineController.restoreFields';
import restoreJob from '@salesforce/apex/TimeMachineController.restoreJob';
import { COMPARISON, apexError, clear, mount, settled } from '../../../../../test/support';

jest.mock('@salesforce/apex/TimeMachineController.versions', () => ({ default: jest.fn() }), {
  virtual: true
});
jest.mock('@salesforce/apex/TimeMachineController.compare', () => ({ default: jest.fn() }), {
  virtual: true
});
jest.mock('@salesforce/apex/TimeMachineController.restoreFields', () => ({ default: jest.fn() }), {
  virtual: true
});
jest.mock('@salesforce/apex/TimeMachineController.restoreJob', () => ({ default: jest.fn() }), {
  virtual: true
});

const VERSIONS = [
  { id: 'v2', capturedAt: '2026-11-19T04:30:00Z' },
  { id: 'v1', capturedAt: '2026-11-12T04:30:00Z' }
];
const QUEUED = { id: 'j', state: 'QUEUED', progress: { done: 0, total: 1 }, outcomes: [] };
const COMPLETED = { ...QUEUED, state: 'COMPLETED', outcomes: [{ name: 'Phone', outcome: 'RESTORED' }] };
const CHOICE = { name: 'Phone', versionId: 'v2', seen: null };

const child = (element, name) => element.shadowRoot.querySelector(`c-time-machine-${name}`);

async function fire(target, name, detail) {
  target.dispatchEvent(new CustomEvent(name, { detail }));
  await settled();
}

async function compared() {
  const element = mount('c-time-machine-record', TimeMachineRecord, { recordId: '001' });
  await settled();
  await fire(child(element, 'versions'), 'compare', { versionIds: ['v2', 'v1'] });
  return element;
}

async function restoring() {
  TimeMachineConfirm.open.mockResolvedValue('restore');
  const element = await compared();
  await fire(child(element, 'compare'), 'restore', {
    choices: [{ ...CHOICE, label: 'Phone', now: '', then: '1' }]
  });
  return element;
}

describe('c-time-machine-record', () => {
  beforeAll(() => Object.assign(crypto, { randomUUID }));
  beforeEach(() => {
    jest.useFakeTimers();
    versions.mockResolvedValue({ versions: VERSIONS, endCursor: null });
    compare.mockResolvedValue(COMPARISON);
    restoreFields.mockResolvedValue({ job: QUEUED });
    restoreJob.mockResolvedValue({ job: COMPLETED });
  });
  afterEach(() => {
    clear();
    jest.useRealTimers();
  });

  it('goes from versions to a comparison and back', async () => {
    const element = await compared();
    expect(compare).toHaveBeenCalledWith({ recordId: '001', versionIds: ['v2', 'v1'] });
    expect(child(element, 'compare').comparison.fields).toHaveLength(4);
    await fire(child(element, 'compare'), 'back');
    expect(child(element, 'versions').chosen).toEqual(['v2', 'v1']);
  });

  it('restores after a confirmation, follows the job, and refreshes the page', async () => {
    const element = await restoring();
    expect(restoreFields.mock.calls[0][0]).toMatchObject({ recordId: '001', fields: [CHOICE] });
    expect(child(element, 'progress').job.state).toBe('QUEUED');
    await jest.advanceTimersByTimeAsync(400);
    expect(child(element, 'progress').job.state).toBe('COMPLETED');
    expect(notifyRecordUpdateAvailable).toHaveBeenCalledWith([{ recordId: '001' }]);
    await fire(child(element, 'progress'), 'done');
    expect(compare).toHaveBeenCalledTimes(2);
    expect(child(element, 'compare')).not.toBeNull();
  });

  it('writes nothing when the confirmation is cancelled', async () => {
    TimeMachineConfirm.open.mockResolvedValue(undefined);
    const element = await compared();
    await fire(child(element, 'compare'), 'restore', { choices: [CHOICE] });
    expect(restoreFields).not.toHaveBeenCalled();
  });

  it('tries a failed restore again with the same key', async () => {
    restoreFields.mockRejectedValueOnce(apexError('SERVER_UNREACHABLE'));
    const element = await restoring();
    expect(child(element, 'error').error.code).toBe('SERVER_UNREACHABLE');
    await fire(child(element, 'error'), 'retry');
    const [first, second] = restoreFields.mock.calls.map(([{ idempotencyKey }]) => idempotencyKey);
    expect(second).toBe(first);
    expect(child(element, 'error')).toBeNull();
  });

  it('compares anew when the record has changed meanwhile', async () => {
    restoreFields.mockRejectedValueOnce(apexError('CURRENT_CHANGED'));
    const element = await restoring();
    await fire(child(element, 'error'), 'retry');
    expect(compare).toHaveBeenCalledTimes(2);
    expect(restoreFields).toHaveBeenCalledTimes(1);
  });

  it('goes back to the versions when one is gone', async () => {
    compare.mockRejectedValueOnce(apexError('VERSION_NOT_FOUND'));
    const element = await compared();
    expect(child(element, 'error').error.message).toBe('c.TimeMachine_ErrorVersionGone');
    await fire(child(element, 'error'), 'retry');
    expect(versions).toHaveBeenCalledTimes(2);
    expect(child(element, 'versions').chosen).toEqual([]);
  });

  it('stops asking when it leaves the page', async () => {
    const element = await restoring();
    element.remove();
    await jest.advanceTimersByTimeAsync(10000);
    expect(restoreJob).not.toHaveBeenCalled();
  });

  it('is accessible', async () => {
    jest.useRealTimers();
    await expect(await compared()).toBeAccessible();
  });
});
