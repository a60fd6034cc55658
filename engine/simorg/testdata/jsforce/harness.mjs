// Counts checks and prints one line for each.
import jsforce from 'jsforce';

const env = (name, fallback) => {
  const value = process.env[name] ?? fallback;
  if (value === undefined) throw new Error(`set ${name}`);
  return value;
};

/** How to reach the org under test. */
export const org = {
  url: env('ORG_URL'),
  username: env('ORG_USERNAME'),
  password: env('ORG_PASSWORD'),
  clientId: env('ORG_CLIENT_ID'),
  clientSecret: env('ORG_CLIENT_SECRET'),
  redirectUri: env('ORG_REDIRECT_URI', 'http://localhost:1717/callback'),
  version: env('ORG_API_VERSION', '66.0'),
  bulkRows: Number(env('BULK_ROWS', '100000')),
};

export const oauth2 = (extra = {}) =>
  new jsforce.OAuth2({
    loginUrl: org.url,
    clientId: org.clientId,
    clientSecret: org.clientSecret,
    redirectUri: org.redirectUri,
    ...extra,
  });

export const connection = (extra = {}) =>
  new jsforce.Connection({ loginUrl: org.url, instanceUrl: org.url, version: org.version, ...extra });

/** A connection that is logged in. */
export async function login() {
  const conn = connection({ oauth2: oauth2() });
  await conn.authorize({ grant_type: 'client_credentials' });
  return conn;
}

const tally = { passed: 0, failed: 0 };
const only = process.env.ONLY && new RegExp(process.env.ONLY);

/** Runs one check: it passes when fn does not throw. */
export async function check(name, fn) {
  if (only && !only.test(name)) return;
  const start = performance.now();
  try {
    await fn();
    tally.passed++;
    console.log(`ok   ${name} (${Math.round(performance.now() - start)} ms)`);
  } catch (err) {
    tally.failed++;
    const detail = err?.errorCode ? `${err.errorCode}: ${err.message}` : (err?.message ?? String(err));
    console.log(`FAIL ${name}\n       ${detail.slice(0, 2000).replaceAll('\n', '\n       ')}`);
  }
}

/** Prints the verdict and returns the exit code. */
export function verdict() {
  console.log(`jsforce: ${tally.passed} passed, ${tally.failed} failed`);
  return tally.failed === 0 && tally.passed > 0 ? 0 : 1;
}

/** The error that fn rejects with; it is wrong when it does not. */
export async function refusal(fn) {
  let value;
  try {
    value = await fn();
  } catch (err) {
    return err;
  }
  throw new Error(`was not refused but answered ${JSON.stringify(value)}`);
}

/** Awkward text that must come back as it went. */
export const awkward =
  'He said "no", it\'s 5 o\'clock\nsecond line\twith a tab, a \\ and a , comma; Žluťoučký kůň, Привет, 日本語, مرحبا, 🚲';

export const id18 = /^[0-9A-Za-z]{18}$/;
export const stamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000$/;
