import TimeMachineFiles from 'c/timeMachineFiles';
import getFiles from '@salesforce/apex/TimeMachineController.files';
import fileLink from '@salesforce/apex/TimeMachineController.fileLink';
import { apexError, byId, clear, mount, settled } from '../../../../../test/support';

jest.mock('@salesforce/apex/TimeMachineController.files', () => ({ default: jest.fn() }), { virtual: true });
jest.mock('@salesforce/apex/TimeMachineController.fileLink', () => ({ default: jest.fn() }), {
  virtual: true
});

const mockNavigate = jest.fn();
jest.mock('lightning/navigation', () => {
  const Navigate = Symbol('Navigate');
  const mixin = (Base) =>
    class extends Base {
      [Navigate](page) {
        mockNavigate(page);
      }
    };
  return { NavigationMixin: Object.assign(mixin, { Navigate }) };
});

const FILE = {
  id: 'f1',
  title: 'Contract',
  extension: 'pdf',
  bytes: 482133,
  state: 'ARCHIVED',
  capturedAt: null
};

async function show() {
  const element = mount('c-time-machine-files', TimeMachineFiles, { recordId: '001' });
  await settled();
  return element;
}

describe('c-time-machine-files', () => {
  afterEach(clear);

  it('lists the files with their size and state, and more of them', async () => {
    getFiles.mockResolvedValueOnce({ files: [FILE], endCursor: 'next' });
    const element = await show();
    const text = element.shadowRoot.querySelector('tr[data-file="f1"]').textContent;
    expect(text).toContain('Contract.pdf');
    expect(text).toContain('482.1 kB');
    expect(text).toContain('c.TimeMachine_FileArchived');
    getFiles.mockResolvedValueOnce({
      files: [
        { ...FILE, id: 'f2', bytes: 13 },
        { ...FILE, id: 'f3', bytes: null }
      ],
      endCursor: null
    });
    byId(element, 'more').click();
    await settled();
    expect(getFiles).toHaveBeenLastCalledWith({ recordId: '001', after: 'next' });
    expect(element.shadowRoot.querySelector('tr[data-file="f2"]').textContent).toContain('13 bytes');
    expect(element.shadowRoot.querySelectorAll('tr[data-file]')).toHaveLength(3);
  });

  it('opens a file by a link for one use', async () => {
    getFiles.mockResolvedValue({ files: [FILE], endCursor: null });
    fileLink.mockResolvedValue({ url: 'https://holdfast.example.com/f' });
    const element = await show();
    element.shadowRoot.querySelector('button.link').click();
    await settled();
    expect(fileLink).toHaveBeenCalledWith({ recordId: '001', fileId: 'f1' });
    expect(mockNavigate.mock.calls[0][0].attributes.url).toBe('https://holdfast.example.com/f');
  });

  it('says when there are none, and when something failed', async () => {
    getFiles.mockResolvedValueOnce({ files: [], endCursor: null });
    expect(byId(await show(), 'none').textContent).toBe('c.TimeMachine_NoFiles');
    getFiles.mockRejectedValueOnce(apexError('SERVER_UNREACHABLE'));
    const failed = await show();
    expect(failed.shadowRoot.querySelector('c-time-machine-error').error.code).toBe('SERVER_UNREACHABLE');
  });

  it('is accessible', async () => {
    getFiles.mockResolvedValue({ files: [FILE], endCursor: null });
    await expect(await show()).toBeAccessible();
  });
});
