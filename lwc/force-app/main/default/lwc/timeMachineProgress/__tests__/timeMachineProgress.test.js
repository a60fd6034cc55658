import TimeMachineProgress from 'c/timeMachineProgress';
import { byId, clear, mount, settled } from '../../../../../test/support';

const choices = [
  { name: 'Industry', label: 'Industry label' },
  { name: 'Phone', label: 'Phone label' }
];
const RUNNING = {
  id: 'j',
  jobNumber: 7,
  state: 'IN_PROGRESS',
  progress: { done: 1, total: 2 },
  outcomes: []
};
const PARTLY = {
  ...RUNNING,
  state: 'COMPLETED_WITH_ERRORS',
  outcomes: [
    { name: 'Industry', outcome: 'RESTORED' },
    {
      name: 'Phone',
      outcome: 'REFUSED',
      code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      message: 'Not like this.'
    }
  ]
};

const show = (job) => mount('c-time-machine-progress', TimeMachineProgress, { job, choices });

describe('c-time-machine-progress', () => {
  afterEach(clear);

  it('shows how far a job is', async () => {
    const element = show(RUNNING);
    expect(element.shadowRoot.querySelector('lightning-progress-bar').value).toBe(50);
    element.job = { ...RUNNING, state: 'QUEUED' };
    await settled();
    expect(byId(element, 'progress').textContent).toBe('c.TimeMachine_ProgressQueued');
  });

  it('tells success', () => {
    const element = show({ ...PARTLY, state: 'COMPLETED', outcomes: PARTLY.outcomes.slice(0, 1) });
    expect(byId(element, 'headline').textContent).toContain('c.TimeMachine_Success');
    const done = jest.fn();
    element.addEventListener('done', done);
    byId(element, 'done').click();
    expect(done).toHaveBeenCalledTimes(1);
  });

  it('tells what became of each field when some were refused', () => {
    const element = show({ ...PARTLY, outcomes: [...PARTLY.outcomes].reverse() });
    expect(byId(element, 'headline').textContent).toContain('c.TimeMachine_SuccessPartly');
    const fields = [...element.shadowRoot.querySelectorAll('tr[data-field]')].map((row) => row.dataset.field);
    expect(fields).toEqual(['Industry', 'Phone']); // as they were confirmed
    const refused = element.shadowRoot.querySelector('tr[data-field="Phone"]').textContent;
    expect(refused).toContain('Phone label');
    expect(refused).toContain('Not like this. (FIELD_CUSTOM_VALIDATION_EXCEPTION)');
  });

  it('tells why a job failed as a whole', () => {
    const error = { code: 'RECORD_DELETED', message: 'The record has been deleted.' };
    const element = show({ ...RUNNING, state: 'FAILED', error });
    expect(byId(element, 'failure').textContent).toBe(error.message);
  });

  it.each([RUNNING, PARTLY])('is accessible (%#)', async (job) => {
    const element = show(job);
    await settled();
    await expect(element).toBeAccessible();
  });
});
