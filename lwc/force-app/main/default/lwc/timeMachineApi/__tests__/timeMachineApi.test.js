import { TextDecoder, TextEncoder } from 'util';
import { isFinished, listen, pollUntilFinished, reduceError } from 'c/timeMachineApi';
import { apexError } from '../../../../../test/support';

const job = (state) => ({ id: 'j', state });

describe('reduceError', () => {
  it.each([
    [apexError('VERSION_NOT_FOUND'), 'VERSION_NOT_FOUND', 'c.TimeMachine_ErrorVersionGone'],
    [apexError('FIELD_TWICE', 'Chosen twice.'), 'FIELD_TWICE', 'Chosen twice.'],
    [
      { body: { message: 'You do not have access to the Apex class.' } },
      'UNKNOWN',
      'You do not have access to the Apex class.'
    ],
    [{ body: [{ message: 'First of many.' }] }, 'UNKNOWN', 'First of many.'],
    [new Error('Of our own.'), 'UNKNOWN', 'Of our own.'],
    [undefined, 'UNKNOWN', 'c.TimeMachine_ErrorUnknown']
  ])('%#', (thrown, code, message) => {
    expect(reduceError(thrown)).toEqual({ code, message });
  });
});

describe('pollUntilFinished', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it('asks with growing pauses, from 0.4 to 4 seconds', async () => {
    const asked = [];
    const start = Date.now();
    const read = async () => {
      asked.push(Date.now() - start);
      return job(asked.length === 10 ? 'COMPLETED' : 'IN_PROGRESS');
    };
    const end = pollUntilFinished(read, () => {}, new AbortController().signal);
    await jest.advanceTimersByTimeAsync(60000);
    expect((await end).state).toBe('COMPLETED');
    const pauses = asked.map((at, i) => at - (asked[i - 1] ?? 0));
    expect(pauses[0]).toBe(400);
    expect(pauses.at(-1)).toBe(4000);
    expect(pauses).toEqual([...pauses].sort((a, b) => a - b));
  });

  it('outlives two lost polls, not three', async () => {
    const read = jest.fn().mockRejectedValueOnce(new Error('1')).mockRejectedValueOnce(new Error('2'));
    read.mockResolvedValueOnce(job('FAILED'));
    const end = pollUntilFinished(read, () => {}, new AbortController().signal);
    await jest.advanceTimersByTimeAsync(20000);
    expect(isFinished(await end)).toBe(true);
    const gone = jest.fn().mockRejectedValue(new Error('gone'));
    const lost = pollUntilFinished(gone, () => {}, new AbortController().signal).catch(
      ({ message }) => message
    );
    await jest.advanceTimersByTimeAsync(20000);
    expect(await lost).toBe('gone');
  });
});

describe('listen', () => {
  beforeAll(() => Object.assign(global, { TextDecoder }));

  function stream(...chunks) {
    const read = jest.fn();
    chunks.forEach((chunk) => read.mockResolvedValueOnce({ value: new TextEncoder().encode(chunk) }));
    read.mockResolvedValue({ done: true });
    global.fetch = jest.fn().mockResolvedValue({ ok: true, body: { getReader: () => ({ read }) } });
  }

  it('reads events however they are cut, and nothing but progress', async () => {
    stream(
      'event: progress\nda',
      'ta: {"state":"IN_PROGRESS"}\n\n: alive\n\nevent: progress\ndata: {"state":"COMP',
      'LETED"}\n\n'
    );
    const heard = [];
    await listen(
      { url: '/stream', ticket: 't' },
      (each) => heard.push(each.state),
      new AbortController().signal
    );
    expect(heard).toEqual(['IN_PROGRESS', 'COMPLETED']);
    expect(global.fetch.mock.calls[0][1].headers.Authorization).toBe('Bearer t');
  });

  it('throws when the server does not take the ticket', async () => {
    global.fetch = jest.fn().mockResolvedValue({ ok: false, status: 401 });
    await expect(listen({ url: '/stream', ticket: 't' }, () => {}, null)).rejects.toThrow('401');
  });
});
