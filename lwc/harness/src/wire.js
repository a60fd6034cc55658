// The harness's two roads to whoever plays the org (CONTRACT.md, "The harness"): the controller's
// methods, as Lightning calls them, and the page around the component.
const query = new URLSearchParams(window.location.search);

/** What the address asks for. */
export const settings = {
  user: query.get('user'),
  recordId: query.get('record'),
  liveProgress: query.get('live') === '1',
  regionWidth: query.get('region') ?? 'LARGE'
};

const headers = { 'Content-Type': 'application/json' };
if (settings.user) headers['X-Harness-User'] = settings.user;

/**
 * Calls a controller method. A failure is rejected as Lightning does: status and body with a message.
 * @param {string} name Class.method
 * @param {object} parameters by name
 */
export async function apex(name, parameters) {
  const response = await fetch(`/apex/${name.replace('.', '/')}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(parameters ?? {})
  });
  const answer = await response.json();
  if (!response.ok) throw { status: response.status, body: answer };
  return answer;
}

/**
 * Asks for something around the component: records, users, backups, jobs.
 * @param {string} method of HTTP
 * @param {string} path under /harness/
 * @param {object} [body] to send
 */
export async function harness(method, path, body) {
  const response = await fetch(`/harness/${path}`, { method, headers, body: body && JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

/**
 * Follows a job's log to its end.
 * @param {string} id the job's
 * @param {function(string)} onLine gets each line once
 * @returns {function()} stops it
 */
export function followLog(id, onLine) {
  const stream = new EventSource(`/harness/jobs/${encodeURIComponent(id)}/log`);
  stream.onmessage = ({ data }) => onLine(data);
  stream.addEventListener('end', () => stream.close());
  return () => stream.close();
}
