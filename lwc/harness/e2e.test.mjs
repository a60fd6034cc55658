// The component in Chromium, against the fixture. `make e2e` runs the same journeys against the
// simulated org and a real Holdfast.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { misfits, shoot, startBrowser, violations } from './browser.mjs';
import { start } from './fixture/server.mjs';
import { Journey } from './journey.mjs';

const NORTHWIND = '001Hs00000aBcDeIAK';
const WIDE = '001Hs00000WideAIAK';

let fixture;
let browser;
let page;

before(async () => {
  fixture = await start();
  browser = await startBrowser();
});
after(async () => {
  await browser.close();
  await fixture.close();
});
afterEach(async () => {
  await page.close();
  fixture.reset();
});

async function open({ width = 1280, query = '', record = NORTHWIND } = {}) {
  page = await browser.open(width);
  await page.goto(`${fixture.url}/?record=${record}&${query}`);
  return new Journey(page);
}

describe('Time Machine', () => {
  it('picks four versions and refuses a fifth', async () => {
    const journey = await open();
    await journey.pick(5);
    await journey.machine.getByText('Four versions are the most').waitFor();
    assert.equal(await journey.id('compare').locator('button').isDisabled(), true);
    await journey.pick(4);
    await journey.fits('1-picked');
  });

  it('would see what sticks out, what is cut off, and what has no name', async () => {
    const journey = await open();
    await journey.compare(1);
    await journey.id('count').evaluate((count) => {
      count.style.cssText = 'flex: none; width: 2rem; overflow: hidden; white-space: nowrap';
      count.insertAdjacentHTML(
        'afterend',
        '<p style="flex: none; width: 3000px">wide</p><input type="checkbox" />'
      );
    });
    const seen = (await misfits(page)).join();
    assert.match(seen, /p\.\S* sticks out/);
    assert.match(seen, /p\.\S*count\S* is clipped/);
    assert.match((await violations(page)).join(), /label/);
  });

  it('compares, hides identical fields, searches, and says why a field has no tick', async () => {
    const journey = await open();
    await journey.compare();
    await journey.fits('2-compared');
    assert.equal(await journey.id('count').textContent(), '23 of 23 fields shown');
    assert.match(await journey.field('OwnerId').innerText(), /Robert Bloch[^]*Ada Lovelace/);
    assert.match(
      await journey.field('OwnerId').locator('[data-id="reason"]').innerText(),
      /refers to another record/
    );
    assert.equal(await journey.field('OwnerId').locator('input').count(), 0);
    assert.match(
      await journey.field('Last_Visit__c').innerText(),
      /3 Jun 2026, 01:30/,
      'in the zone of the user'
    );
    assert.match(await journey.field('AnnualRevenue').innerText(), /€1,500,000\.50/);
    await journey.machine.getByText('Hide identical fields').click();
    assert.equal(await journey.field('Website').count(), 0);
    await journey.machine.locator('[data-id="search"] input').fill('phone');
    assert.equal(await journey.id('count').textContent(), '1 of 23 fields shown');
  });

  it('restores fields from the versions chosen, and the page shows the record anew', async () => {
    const journey = await open();
    await journey.compare();
    await journey.tick('Name', 'Markets__c', 'Phone');
    await journey.field('Name').locator('input[type="radio"]').nth(3).check();
    await journey.fits('3-ticked');
    await journey.id('restore').locator('button').click();
    await page.locator('[data-id="confirm"]').waitFor();
    await journey.fits('4-confirm');
    await page.locator('[data-id="confirm"] button').click();
    await journey.machine.getByText('of 3 fields').waitFor();
    await shoot(page, '5-progress');
    await journey.machine.getByText('Record restored successfully').waitFor();
    await journey.fits('6-restored');
    const sent = fixture.state.calls.find(({ method }) => method === 'restoreFields').parameters;
    assert.equal(sent.fields[0].versionId, `${NORTHWIND}-v5`);
    const record = fixture.state.world.records.get(NORTHWIND);
    assert.equal(record.fields.find(({ name }) => name === 'Name').current, 'Northwind Traders');
    await page.locator('page-record-page [data-refreshed="1"]').waitFor();
    await journey.id('done').click();
    await journey.field('Phone').locator('td').first().getByText('+49 30 901821').waitFor();
  });

  it('streams progress where the page is set to', async () => {
    const journey = await open({ query: 'live=1' });
    await journey.compare(1);
    await journey.tick('Name', 'Phone');
    await journey.restore();
    await journey.machine.getByText('1 of 2 fields').waitFor();
    await journey.machine.getByText('Record restored successfully').waitFor();
    const asked = fixture.state.calls.map(({ method }) => method);
    assert.ok(asked.includes('streamTicket'));
    assert.equal(asked.filter((method) => method === 'restoreJob').length, 1, 'asked once, for the outcomes');
  });

  it('tells per field what was refused', async () => {
    const journey = await open();
    await journey.compare(2);
    await journey.tick('Name', 'Phone', 'Industry');
    fixture.state.world.faults.refuse = 'Phone';
    await journey.restore();
    await journey.machine.getByText('Some fields were not restored').waitFor();
    assert.match(await journey.field('Phone').innerText(), /Refused[^]*sales desk only/);
    assert.match(await journey.field('Name').innerText(), /Restored/);
    await journey.fits('7-partly');
  });

  it('tells that the server is down, and goes on when it is back', async () => {
    fixture.state.world.faults.down = true;
    const journey = await open();
    await journey.machine.getByRole('alert').waitFor();
    await journey.fits('8-down');
    fixture.state.world.faults.down = false;
    await journey.machine.getByRole('button', { name: 'Try again' }).click();
    await journey.compare();
    assert.equal(await journey.machine.getByRole('alert').count(), 0);
  });

  it('tells that a version was purged meanwhile, and lists the versions anew', async () => {
    const journey = await open();
    await journey.pick(2);
    fixture.state.world.records.get(NORTHWIND).versions.shift();
    await journey.id('compare').click();
    await journey.machine.getByText('A chosen version is no longer stored').waitFor();
    await journey.machine.getByRole('button', { name: 'Try again' }).click();
    await journey.compare(2);
    assert.match(
      await journey.machine.locator('thead').innerText(),
      /18 Nov 2026, 01:30 by Ada Lovelace[^]*17 Nov 2026, 01:30 by Robert Bloch/
    );
  });

  it('tells that the token was refused', async () => {
    const journey = await open();
    await journey.compare(1);
    await journey.tick('Name');
    fixture.state.world.faults.token = true;
    await journey.restore();
    await journey.machine.getByText('Holdfast did not accept the request').waitFor();
  });

  it('compares anew when the record has changed since', async () => {
    const journey = await open();
    await journey.compare(1);
    await journey.tick('Name');
    fixture.state.world.records.get(NORTHWIND).fields[1].current = 'Changed by a colleague';
    await journey.restore();
    await journey.machine.getByText('The record has changed since it was compared').waitFor();
    await journey.machine.getByRole('button', { name: 'Try again' }).click();
    await journey.machine.getByText('Changed by a colleague').waitFor();
  });

  it('hides what the user may not read, and locks what the user may not write', async () => {
    const journey = await open({ query: 'user=clerk' });
    await journey.compare();
    assert.equal(await journey.field('Hidden_Margin__c').count(), 0);
    assert.equal(await journey.field('AnnualRevenue').locator('input').count(), 0);
    assert.match(await journey.field('AnnualRevenue').innerText(), /You may not edit this field/);
  });

  it('only compares for a user without the permission to restore', async () => {
    const journey = await open({ query: 'user=viewer' });
    await journey.compare();
    await journey.machine.getByText('You can compare.').waitFor();
    assert.equal(await journey.id('restore').count(), 0);
    await journey.fits('9-viewer');
  });

  it('takes an edit, a backup, and restores what the edit changed', async () => {
    const journey = await open();
    await page.locator('[data-id="details"] [data-name="Industry"] input').fill('Chemicals');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await page.getByRole('button', { name: 'Back up now' }).click();
    await page.getByText('Backed up.').waitFor();
    await journey.machine.locator('[role="option"]').nth(8).waitFor();
    await journey.compare(2);
    await journey.tick('Industry');
    await journey.restore();
    await journey.machine.getByText('Record restored successfully').waitFor();
    assert.equal(
      await page.locator('[data-id="details"] [data-name="Industry"] input').inputValue(),
      'Retail'
    );
  });

  it('lists and opens files', async () => {
    const journey = await open();
    await journey.machine.getByRole('tab', { name: 'Files' }).click();
    await journey.machine.getByText('Price list 2024.xlsx').waitFor();
    await journey.fits('10-files');
    const [opened] = await Promise.all([
      page.context().waitForEvent('page'),
      journey.machine.getByRole('button', { name: 'Open Logo.png' }).click()
    ]);
    assert.match(opened.url(), /\/fixture\/file\/f2$/);
  });

  it('lists deleted related records and compares one', async () => {
    const journey = await open();
    await journey.machine.getByRole('tab', { name: 'Deleted related records' }).click();
    await journey.machine.getByText('Carla Ruiz').waitFor();
    await journey.fits('11-deleted');
    await journey.machine.getByRole('button', { name: 'Show versions of Carla Ruiz' }).click();
    const deleted = journey.machine.locator('c-time-machine-deleted');
    await deleted.getByText('Contact: Carla Ruiz').waitFor();
    await deleted.locator('[role="option"]').first().click();
    await deleted.getByRole('button', { name: 'Move selection to Versions to compare' }).click();
    await deleted.getByRole('button', { name: 'Compare', exact: true }).click();
    await deleted.getByText('This record is deleted in the org').waitFor();
    await journey.fits('12-deleted-compared');
  });

  it('works by keyboard alone', async () => {
    const journey = await open();
    const { keyboard } = page;
    await journey.machine.locator('lightning-dual-listbox [role="option"]').first().focus();
    await keyboard.press('Shift+ArrowDown');
    await keyboard.press('Control+ArrowRight');
    await journey.id('compare').locator('button').focus();
    await keyboard.press('Enter');
    await journey.machine.locator('.region:focus').waitFor();
    await journey.field('Name').locator('input[type="checkbox"]').focus();
    await keyboard.press('Space');
    await keyboard.press('Tab');
    await keyboard.press('ArrowRight');
    await journey.id('restore').locator('button').focus();
    await keyboard.press('Enter');
    await page.locator('[data-id="confirm"] button').focus();
    await keyboard.press('Enter');
    await journey.machine.locator('.headline:focus').waitFor();
    assert.match(await journey.id('headline').innerText(), /Record restored successfully/);
  });

  it('shows four versions of 350 fields in less than a second', async () => {
    const journey = await open({ record: WIDE });
    await journey.pick(4);
    const record = journey.machine.locator('c-time-machine-record').first();
    const taken = await record.evaluate(async ({ shadowRoot }) => {
      const child = (name) => shadowRoot.querySelector(`c-time-machine-${name}`)?.shadowRoot;
      const started = performance.now();
      child('versions').querySelector('[data-id="compare"]').click();
      while (!(child('compare')?.querySelectorAll('tbody tr').length >= 350)) {
        await new Promise(requestAnimationFrame);
      }
      return performance.now() - started;
    });
    console.log(`350 fields, 4 versions: ${Math.round(taken)} ms`);
    assert.ok(taken < 1000, `${taken} ms`);
    await shoot(page, '13-wide');
  });

  for (const width of [390, 768, 1280]) {
    it(`fits ${width} pixels from end to end`, async () => {
      const journey = await open({ width });
      if (width < 480) {
        await journey.tickVersions(5);
        await journey.machine.getByText('Four versions are the most').waitFor();
        await journey.machine.getByText('4 of 4 chosen').waitFor();
        await journey.fits(`${width}-1-picked`);
        await journey.id('compare').click();
      } else {
        await journey.compare();
      }
      await journey.tick('Name', 'Description');
      await journey.fits(`${width}-2-compared`);
      await journey.id('restore').locator('button').click();
      await page.locator('[data-id="confirm"]').waitFor();
      await journey.fits(`${width}-3-confirm`);
      fixture.state.world.faults.refuse = 'Name';
      await page.locator('[data-id="confirm"] button').click();
      await journey.id('headline').waitFor();
      await journey.fits(`${width}-4-result`);
    });
  }
});
