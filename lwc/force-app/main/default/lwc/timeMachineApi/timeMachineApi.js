/**
 * What stands between the components and the controller: failures as { code, message },
 * and following a job to its end.
 */
import { label } from 'c/timeMachineLabels';

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 4000;
const GROWTH = 1.5;
const LOST_POLLS = 3;

const FINISHED = new Set(['COMPLETED', 'COMPLETED_WITH_ERRORS', 'FAILED', 'ABORTED']);

const MESSAGES = {
  SERVER_UNREACHABLE: label.errorServerUnreachable,
  TOKEN_INVALID: label.errorTokenRefused,
  TOKEN_EXPIRED: label.errorTokenRefused,
  TOKEN_REPLAYED: label.errorTokenRefused,
  NO_RECORD_ACCESS: label.errorNoRecordAccess,
  NO_DELETED_ACCESS: label.errorNoDeletedAccess,
  RECORD_NOT_STORED: label.errorNotStored,
  VERSION_NOT_FOUND: label.errorVersionGone,
  CURRENT_CHANGED: label.errorCurrentChanged
};

/**
 * Reads a failure of Apex, of the network or of our own code.
 * @param {*} thrown what was thrown
 * @returns {{code: string, message: string}} what to show
 */
export function reduceError(thrown) {
  const bodies = Array.isArray(thrown?.body) ? thrown.body : [thrown?.body];
  const text = bodies.map((body) => body?.message).filter(Boolean)[0] ?? thrown?.message;
  const { code, message } = parseFailure(text);
  return { code, message: MESSAGES[code] ?? message ?? label.errorUnknown };
}

function parseFailure(text) {
  try {
    const failure = JSON.parse(text);
    if (failure?.code) {
      return failure;
    }
  } catch {
    // Not of ours: the platform's own sentence.
  }
  return { code: 'UNKNOWN', message: text };
}

/**
 * Tells whether a job will not change any more.
 * @param {{state: string}} job the job
 * @returns {boolean} whether it is finished
 */
export function isFinished(job) {
  return FINISHED.has(job.state);
}

/**
 * Asks for a job with growing pauses until it is finished. A poll that fails is repeated;
 * the third failure in a row ends it.
 * @param {function(): Promise<object>} read asks for the job
 * @param {function(object)} onChange gets each answer
 * @param {AbortSignal} signal stops the asking
 * @returns {Promise<object|null>} the finished job, or null when stopped
 */
export async function pollUntilFinished(read, onChange, signal) {
  let lost = 0;
  for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * GROWTH, LONGEST_PAUSE_MS)) {
    // eslint-disable-next-line no-await-in-loop -- each poll waits for the one before
    await sleep(pause, signal);
    if (signal.aborted) {
      break;
    }
    try {
      // eslint-disable-next-line no-await-in-loop -- as above
      const job = await read();
      lost = 0;
      if (!signal.aborted) {
        onChange(job);
      }
      if (isFinished(job)) {
        return job;
      }
    } catch (thrown) {
      lost += 1;
      if (lost === LOST_POLLS) {
        throw thrown;
      }
    }
  }
  return null;
}

function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    // eslint-disable-next-line @lwc/lwc/no-async-operation -- a poll has to wait; the signal ends it
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/**
 * Listens to the counters of one job until the stream ends. It never tells outcomes: ask for the job afterwards.
 * @param {{url: string, ticket: string}} ticket the right to listen
 * @param {function(object)} onChange gets { state, progress }
 * @param {AbortSignal} signal stops the listening
 */
export async function listen({ url, ticket }, onChange, signal) {
  const response = await fetch(url, {
    signal,
    headers: { Accept: 'text/event-stream', Authorization: `Bearer ${ticket}` }
  });
  if (!response.ok) {
    throw new Error(`The stream answered ${response.status}.`);
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    // eslint-disable-next-line no-await-in-loop -- a stream is read in order
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const events = (text + decoder.decode(value, { stream: true })).split('\n\n');
    text = events.pop();
    events.map(dataOf).filter(Boolean).forEach(onChange);
  }
}

function dataOf(event) {
  const lines = event.split('\n');
  const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice('data:'.length));
  return lines.includes('event: progress') && data.length ? JSON.parse(data.join('\n')) : null;
}
