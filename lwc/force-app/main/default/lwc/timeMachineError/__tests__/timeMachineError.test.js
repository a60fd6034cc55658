import TimeMachineError from 'c/timeMachineError';
import { byId, clear, mount, settled } from '../../../../../test/support';

const error = { code: 'SERVER_UNREACHABLE', message: 'Holdfast cannot be reached.' };

describe('c-time-machine-error', () => {
  afterEach(clear);

  it('says what went wrong as an alert', () => {
    const element = mount('c-time-machine-error', TimeMachineError, { error });
    expect(byId(element, 'message').textContent).toBe(error.message);
    expect(element.shadowRoot.querySelector('[role="alert"]')).not.toBeNull();
    expect(element.shadowRoot.querySelector('lightning-button')).toBeNull();
  });

  it('offers to try again', () => {
    const element = mount('c-time-machine-error', TimeMachineError, { error, retriable: true });
    const retry = jest.fn();
    element.addEventListener('retry', retry);
    element.shadowRoot.querySelector('lightning-button').click();
    expect(retry).toHaveBeenCalledTimes(1);
  });

  it('is accessible', async () => {
    const element = mount('c-time-machine-error', TimeMachineError, { error, retriable: true });
    await settled();
    await expect(element).toBeAccessible();
  });
});
