// How long a user waits between Compare and the table: four versions of 350 fields. With RECORDS
// the org holds as many besides.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, it } from 'node:test';
import { shoot, startBrowser } from './browser.mjs';
import { Journey } from './journey.mjs';
import { startOrg } from './org.mjs';

const CUSTOM = 340; // with the standard ones over 350
const ROUNDS = 5;
const records = Number(process.env.RECORDS ?? 0);

let folder;
let org;
let browser;
let record;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-wide-'));
  const fields = Array.from(
    { length: CUSTOM },
    (_, i) =>
      `<fields><fullName>Custom_${i}__c</fullName><label>Custom field ${i}</label><length>80</length><type>Text</type></fields>`
  );
  const object = path.join(folder, 'objects/Account');
  mkdirSync(object, { recursive: true });
  writeFileSync(
    path.join(object, 'Account.object-meta.xml'),
    `<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">${fields.join('')}</CustomObject>`
  );
  org = await startOrg({ sources: [folder], records });
  browser = await startBrowser();
  const state = (word) =>
    Object.fromEntries(
      Array.from({ length: CUSTOM }, (_, i) => [`Custom_${i}__c`, `${i % 3 ? 'kept' : word} ${i}`])
    );
  record = await org.create('Account', { Name: 'Wide', ...state('first') });
  for (const word of ['second', 'third', 'fourth', 'current']) {
    await org.backUp();
    await org.update('Account', [record], state(word));
  }
});
after(async () => {
  await browser?.close();
  await org?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function compare() {
  const page = await browser.open(1280);
  await page.goto(`${org.page}/?record=${record}`);
  const journey = new Journey(page);
  await journey.pick(4);
  const machine = journey.machine.locator('c-time-machine-record').first();
  const taken = await machine.evaluate(async ({ shadowRoot }) => {
    const child = (name) => shadowRoot.querySelector(`c-time-machine-${name}`)?.shadowRoot;
    const started = performance.now();
    child('versions').querySelector('[data-id="compare"]').click();
    while (!(child('compare')?.querySelectorAll('tbody tr').length >= 350)) {
      await new Promise(requestAnimationFrame);
    }
    return performance.now() - started;
  });
  await shoot(page, '13-wide');
  await page.close();
  return taken;
}

it('shows four versions of 350 fields in less than a second', async () => {
  const times = [];
  for (let i = 0; i < ROUNDS; i++) times.push(await compare());
  times.sort((a, b) => a - b);
  const shown = times.map((time) => Math.round(time)).join(' ');
  console.log(`350 fields, 4 versions, ${records} records besides: ${shown} ms`);
  assert.ok(times[0] < 1000, `${shown} ms`); // the least disturbed: others may be at work
});

/** Asks as the page does: the org's part, its token and its own questions included. */
async function ask(user, method, parameters) {
  const response = await fetch(`${org.page}/apex/TimeMachineController/${method}`, {
    method: 'POST',
    headers: { 'X-Harness-User': user },
    body: JSON.stringify({ recordId: record, ...parameters })
  });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

it('answers four versions of 350 fields', async () => {
  const { users } = await (await fetch(`${org.page}/harness/users`)).json();
  const { versions } = await ask(users[0].id, 'versions', { first: 4 });
  const versionIds = versions.map(({ id }) => id);
  assert.equal(versionIds.length, 4);
  const times = [];
  for (let i = 0; i < 50; i++)
    for (const { id } of users) {
      const started = performance.now();
      const { fields } = await ask(id, 'compare', { versionIds });
      if (i > 0) times.push(performance.now() - started); // the first asks the org for the user's rights
      assert.ok(fields.length >= 340);
    }
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(share * times.length)].toFixed(1);
  console.log(`compare answered ${times.length} times: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
});
