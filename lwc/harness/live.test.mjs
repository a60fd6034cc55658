// What holds whoever plays the org: the fixture, or at HARNESS_URL the simulated org with a real
// Holdfast behind it. It edits, backs up and restores the first record through the page.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBrowser } from './browser.mjs';
import { start } from './fixture/server.mjs';
import { Journey } from './journey.mjs';

const TEXT_TYPES = ['string', 'phone', 'textarea'];

let url = process.env.HARNESS_URL;
let fixture;
let browser;

before(async () => {
  fixture = url ? undefined : await start();
  url ??= fixture.url;
  browser = await startBrowser();
});
after(async () => {
  await browser.close();
  await fixture?.close();
});

async function ask(method, path, body) {
  const response = await fetch(`${url}/harness/${path}`, { method, body: body && JSON.stringify(body) });
  assert.equal(response.status, 200, `${method} ${path}`);
  return response.json();
}

/** A record whose field had two other values, each of them backed up. */
async function recordWithPast() {
  const [{ recordId }] = (await ask('GET', 'records')).records;
  const { fields } = await ask('GET', `record/${recordId}`);
  const { name } = fields.find(
    (field) => field.updateable && TEXT_TYPES.includes(field.type) && field.name !== 'Name'
  );
  const write = (value) => ask('PATCH', `record/${recordId}`, { fields: { [name]: value } });
  for (const value of ['oldest', 'older']) {
    await write(value);
    await ask('POST', 'backup', {});
  }
  await write('current');
  const read = async () =>
    (await ask('GET', `record/${recordId}`)).fields.find((field) => field.name === name).value;
  return { recordId, name, read };
}

describe('Time Machine on a running org', () => {
  for (const width of [390, 1280]) {
    it(`puts a field back from the version chosen, at ${width} pixels`, async () => {
      const { recordId, name, read } = await recordWithPast();
      const page = await browser.open(width);
      await page.goto(`${url}/?record=${recordId}`);
      const journey = new Journey(page);
      await (width < 480 ? journey.tickVersions(2) : journey.pick(2));
      await journey.id('compare').click();
      await journey.field(name).locator('input[type="checkbox"]').check();
      await journey.field(name).locator('input[type="radio"]').nth(1).check();
      await journey.fits(`live-${width}-ticked`);
      await journey.restore();
      await journey.machine.getByText('Record restored successfully').waitFor();
      await journey.fits(`live-${width}-restored`);
      assert.equal(await read(), 'oldest', "the org's own answer");
      await page.close();
    });
  }

  it('hides what is identical', async () => {
    const { recordId, name } = await recordWithPast();
    const page = await browser.open(1280);
    await page.goto(`${url}/?record=${recordId}`);
    const journey = new Journey(page);
    await journey.compare(1);
    const all = await journey.machine.locator('tbody tr').count();
    await journey.machine.getByText('Hide identical fields').click();
    assert.ok((await journey.machine.locator('tbody tr').count()) < all);
    assert.equal(await journey.field(name).count(), 1);
    await page.close();
  });
});
