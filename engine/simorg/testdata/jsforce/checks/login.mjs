import assert from 'node:assert/strict';
import jsforce from 'jsforce';
import { check, connection, id18, login, oauth2, org, refusal } from '../harness.mjs';

const text = (html) => html.replaceAll(/&#(\d+);/g, (_, n) => String.fromCharCode(n)).replaceAll('&amp;', '&');

// The page a person would click through: the simulated org's own login form.
async function authorize(auth, params) {
  const page = auth.getAuthorizationUrl({ scope: 'api refresh_token id', ...params });
  const first = await fetch(page, { redirect: 'manual' });
  if (first.status >= 300 && first.status < 400) return new URL(first.headers.get('location'), page);
  const form = await first.text();
  const action = text(/<form[^>]*action="([^"]*)"/.exec(form)?.[1] ?? page);
  const fields = new URLSearchParams({ un: org.username, username: org.username, pw: org.password, password: org.password });
  const [, button, allow] = /<button[^>]*name="([^"]*)" value="([^"]*)"/.exec(form) ?? [];
  if (button) fields.set(button, allow);
  for (const [, name, value] of form.matchAll(/<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"/g)) {
    fields.set(name, text(value));
  }
  const second = await fetch(new URL(action, page), { method: 'POST', body: fields, redirect: 'manual' });
  assert.ok(second.status >= 300 && second.status < 400, `the login form answered ${second.status}`);
  return new URL(second.headers.get('location'), page);
}

async function webServer(extra) {
  const auth = oauth2({ useVerifier: true, ...extra });
  const back = await authorize(auth, { state: 'a state & more' });
  assert.equal(back.searchParams.get('state'), 'a state & more');
  assert.ok(back.href.startsWith(org.redirectUri), back.href);
  const code = back.searchParams.get('code');
  assert.ok(code, back.href);
  return { auth, code };
}

async function rows(conn) {
  const { totalSize } = await conn.query('SELECT Id FROM User LIMIT 1');
  assert.equal(totalSize, 1);
}

function sameUser(info) {
  assert.match(info.id, /^005/);
  assert.match(info.id, id18);
  assert.match(info.organizationId, /^00D/);
  assert.match(info.organizationId, id18);
}

export default async function run(conn) {
  await check('login: SOAP, API 64', async () => {
    const soap = connection({ version: '64.0' });
    sameUser(await soap.login(org.username, org.password));
    await rows(soap);
    await soap.logout();
    assert.equal(soap.accessToken, null);
  });
  await check('login: SOAP refuses a wrong password', async () => {
    const err = await refusal(() => connection({ version: '64.0' }).login(org.username, 'wrong'));
    assert.match(err.message, /INVALID_LOGIN/);
  });
  await check('login: OAuth username and password', async () => {
    const c = connection({ oauth2: oauth2() });
    sameUser(await c.login(org.username, org.password));
    await rows(c);
  });
  await check('login: OAuth refuses a wrong password', async () => {
    const err = await refusal(() => connection({ oauth2: oauth2() }).login(org.username, 'wrong'));
    assert.equal(err.name, 'invalid_grant');
  });
  await check('login: client credentials', async () => {
    const c = connection({ oauth2: oauth2() });
    sameUser(await c.authorize({ grant_type: 'client_credentials' }));
    assert.equal(c.refreshToken ?? null, null);
    await rows(c);
  });
  await check('login: client credentials refuse a wrong secret', async () => {
    const c = connection({ oauth2: oauth2({ clientSecret: 'wrong' }) });
    const err = await refusal(() => c.authorize({ grant_type: 'client_credentials' }));
    assert.match(err.name, /^invalid_client/);
  });
  await check('login: web server flow with PKCE, and refresh', async () => {
    const { auth, code } = await webServer();
    const c = connection({ oauth2: auth });
    sameUser(await c.authorize(code));
    assert.ok(c.refreshToken);
    await rows(c);
    let refreshed = 0;
    const again = connection({ oauth2: auth, accessToken: '00D000000000000!expired', refreshToken: c.refreshToken });
    again.on('refresh', () => refreshed++);
    await rows(again);
    assert.equal(refreshed, 1);
    assert.notEqual(again.accessToken, '00D000000000000!expired');
  });
  await check('login: a code works once', async () => {
    const { auth, code } = await webServer();
    await connection({ oauth2: auth }).authorize(code);
    const err = await refusal(() => connection({ oauth2: auth }).authorize(code));
    assert.equal(err.name, 'invalid_grant');
  });
  await check('login: PKCE refuses another verifier', async () => {
    const { code } = await webServer();
    const err = await refusal(() => connection({ oauth2: oauth2({ useVerifier: true }) }).authorize(code));
    assert.match(err.name, /^invalid_(grant|request)$/);
  });
  await check('login: an unknown refresh token is refused', async () => {
    const err = await refusal(() => oauth2().refreshToken('5Aep861unknown'));
    assert.equal(err.name, 'invalid_grant');
  });
  await check('login: a revoked token is refused', async () => {
    const c = await login();
    const { accessToken } = c;
    await c.logout();
    const err = await refusal(() => rows(new jsforce.Connection({ instanceUrl: org.url, accessToken, version: org.version })));
    assert.equal(err.errorCode, 'INVALID_SESSION_ID');
  });
  await check('login: identity and userinfo', async () => {
    const identity = await conn.identity();
    assert.match(identity.user_id, id18);
    assert.equal(identity.organization_id, conn.userInfo.organizationId);
    assert.equal(identity.id, conn.userInfo.url);
    assert.ok(identity.urls.rest.includes('/services/data/v'));
    const info = await conn.request('/services/oauth2/userinfo');
    assert.equal(info.user_id, identity.user_id);
    assert.equal(info.organization_id, identity.organization_id);
    assert.equal(info.preferred_username, identity.username);
  });
}
