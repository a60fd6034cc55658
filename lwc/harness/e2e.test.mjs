// Time Machine in Chromium, on a page of a simulated org, with a real Holdfast behind it. What the
// org holds afterwards is asked of the org.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { misfits, shoot, startBrowser, violations } from './browser.mjs';
import { Journey } from './journey.mjs';
import { CARL, VERA, startOrg } from './org.mjs';

let org;
let browser;
let page;
let wire;
let northwinds;
let first;

before(async () => {
  org = await startOrg();
  browser = await startBrowser();
  northwinds = await org.makeNorthwinds(24);
  [first] = northwinds;
});
after(async () => {
  await browser?.close();
  await org?.stop();
});
afterEach(async () => {
  await page?.close();
  await org.control();
});

/** Opens a record, one that no test has touched unless it is given. */
async function open({ width = 1280, query = '', record = northwinds.pop() } = {}) {
  page = await browser.open(width);
  wire = [];
  page.on('response', (response) => wire.push(response));
  await page.goto(`${org.page}/?record=${record}&${query}`);
  return Object.assign(new Journey(page), { record });
}

const asked = (method) => wire.filter((response) => response.url().endsWith(`/${method}`));

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
    const journey = await open({ record: first });
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
    assert.match(await journey.id('count').textContent(), /^(\d+) of \1 fields shown$/);
    assert.match(await journey.field('OwnerId').innerText(), /Rosa Lind[^]*Integration User/);
    assert.match(
      await journey.field('OwnerId').locator('[data-id="reason"]').innerText(),
      /refers to another record/
    );
    assert.equal(await journey.field('OwnerId').locator('input').count(), 0);
    assert.match(await journey.field('ParentId').innerText(), /Hansa Holding \(deleted\)/);
    assert.match(
      await journey.field('Last_Visit__c').innerText(),
      /3 Jun 2026, 01:30/,
      'in the zone of the user'
    );
    assert.match(await journey.field('Credit_Limit__c').innerText(), /€250,000\.50/);
    await journey.machine.getByText('Hide identical fields').click();
    assert.equal(await journey.field('Website').count(), 0);
    await journey.machine.locator('[data-id="search"] input').fill('phone');
    assert.match(await journey.id('count').textContent(), /^1 of \d+ fields shown$/);
  });

  it('restores fields from the versions chosen, and the page shows the record anew', async () => {
    const journey = await open();
    await journey.compare();
    await journey.tick('Name', 'Markets__c', 'Phone');
    await journey.field('Name').locator('input[type="radio"]').nth(2).check();
    await journey.fits('3-ticked');
    await journey.id('restore').locator('button').click();
    await page.locator('[data-id="confirm"]').waitFor();
    await journey.fits('4-confirm');
    await org.control({ slow: 1500 });
    await page.locator('[data-id="confirm"] button').click();
    await journey.machine.getByText('of 3 fields').waitFor();
    await shoot(page, '5-progress');
    await journey.machine.getByText('Record restored successfully').waitFor();
    await journey.fits('6-restored');
    assert.equal(await org.value(journey.record, 'Name'), 'Northwind Traders');
    assert.equal(await org.value(journey.record, 'Markets__c'), 'DACH;Nordics');
    assert.equal(await org.value(journey.record, 'Phone'), '+49 30 901821');
    assert.equal(await org.value(journey.record, 'Industry'), 'Banking', 'was not ticked');
    await page.locator('page-record-page [data-refreshed="1"]').waitFor();
    await journey.id('done').click();
    await journey.field('Phone').locator('td').first().getByText('+49 30 901821').waitFor();
  });

  it('streams progress where the page is set to', async () => {
    const journey = await open({ query: 'live=1' });
    await journey.compare(1);
    await journey.tick('Name', 'Markets__c');
    await org.control({ slow: 1500 });
    await journey.restore();
    await journey.machine.getByText('of 2 fields').waitFor();
    await journey.machine.getByText('Record restored successfully').waitFor();
    assert.equal(asked('stream').length, 1);
    assert.equal(asked('restoreJob').length, 1, 'asked once, for the outcomes');
  });

  it('tells per field what was refused', async () => {
    const journey = await open();
    await journey.compare(2);
    await journey.tick('Name', 'Phone', 'Industry');
    await org.setRule(true);
    await journey.restore();
    await journey.machine.getByText('Some fields were not restored').waitFor();
    await org.setRule(false);
    assert.match(await journey.field('Phone').innerText(), /Refused[^]*sales desk only/);
    assert.match(await journey.field('Name').innerText(), /Restored/);
    assert.equal(await org.value(journey.record, 'Industry'), 'Retail');
    assert.equal(await org.value(journey.record, 'Phone'), null);
    await journey.fits('7-partly');
  });

  it('tells that the server is down, and goes on when it is back', async () => {
    await org.control({ down: true });
    const journey = await open({ record: first });
    await journey.machine.getByRole('alert').waitFor();
    await journey.fits('8-down');
    await org.control();
    await journey.machine.getByRole('button', { name: 'Try again' }).click();
    await journey.compare();
    assert.equal(await journey.machine.getByRole('alert').count(), 0);
  });

  it('tells that a version was purged meanwhile', async () => {
    const journey = await open();
    await journey.pick(2);
    await org.control({ object: 'Account', purge: [journey.record] });
    await journey.id('compare').click();
    await journey.machine.getByRole('alert').waitFor();
    await journey.fits('14-purged');
    await journey.machine.getByRole('button', { name: 'Try again' }).click();
    await journey.machine.getByText('Holdfast keeps nothing of this record yet').waitFor();
  });

  it('tells that the token has expired', async () => {
    const journey = await open({ record: first });
    await journey.compare(1);
    await journey.tick('Name');
    await org.control({ late: 600 });
    await journey.restore();
    await journey.machine.getByText('Holdfast did not accept the request').waitFor();
    assert.equal(await org.value(first, 'Name'), 'Northwind');
  });

  it('tells that the permission was taken away meanwhile', async () => {
    const journey = await open({ record: first });
    await journey.compare(1);
    await journey.tick('Name');
    const [grant] = await org.query(
      "SELECT Id, AssigneeId, PermissionSetId FROM PermissionSetAssignment WHERE Assignee.Username = 'rosa@example.com' AND PermissionSet.Name = 'Time_Machine_Restore'"
    );
    await org.rest('DELETE', `/sobjects/PermissionSetAssignment/${grant.Id}`);
    try {
      await journey.restore();
      await journey.machine.getByRole('alert').waitFor();
      assert.equal(await org.value(first, 'Name'), 'Northwind');
    } finally {
      const { AssigneeId, PermissionSetId } = grant;
      await org.create('PermissionSetAssignment', { AssigneeId, PermissionSetId });
    }
  });

  it('compares anew when the record has changed since', async () => {
    const journey = await open();
    await journey.compare(1);
    await journey.tick('Name');
    await org.update('Account', [journey.record], { Name: 'Changed by a colleague' });
    await journey.restore();
    await journey.machine.getByText('The record has changed since it was compared').waitFor();
    await journey.machine.getByRole('button', { name: 'Try again' }).click();
    await journey.field('Name').getByText('Changed by a colleague').waitFor();
  });

  it('locks what the user may not write', async () => {
    const journey = await open({ query: `user=${CARL}`, record: first });
    await journey.compare();
    assert.equal(await journey.field('Phone').locator('input').count(), 0);
    assert.match(await journey.field('Phone').innerText(), /You may not edit this field/);
  });

  it('shows a field that the user may not read nowhere, and only compares without the permission', async () => {
    const journey = await open({ query: `user=${VERA}`, record: first });
    await journey.compare();
    await journey.machine.getByText('You can compare.').waitFor();
    assert.equal(await journey.id('restore').count(), 0);
    assert.equal(await journey.field('AnnualRevenue').count(), 0);
    const told = await Promise.all(wire.map((response) => response.text().catch(() => '')));
    assert.ok(told.join().includes('Northwind Traders Ltd'), 'the wire was read');
    for (const secret of ['AnnualRevenue', '1450000', '1500000', 'Hansa Holding'])
      assert.ok(
        !told
          .filter((text) => !text.includes('slds'))
          .join()
          .includes(secret),
        `${secret} was told`
      );
    await journey.fits('9-viewer');
  });

  it('takes an edit, a backup whose log runs beside it, and restores what the edit changed', async () => {
    const journey = await open();
    await page.locator('[data-id="details"] [data-name="Industry"] input').fill('Chemicals');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await page.getByRole('button', { name: 'Back up now' }).click();
    await page.getByText('Backed up.').waitFor();
    await page.locator('page-history [data-id="log"]').getByText('[info]').first().waitFor();
    await shoot(page, '15-history');
    await journey.machine.locator('[role="option"]').nth(5).waitFor();
    await journey.compare(2);
    await journey.tick('Industry');
    await journey.restore();
    await journey.machine.getByText('Record restored successfully').waitFor();
    assert.equal(await org.value(journey.record, 'Industry'), 'Retail');
    assert.equal(
      await page.locator('[data-id="details"] [data-name="Industry"] input').inputValue(),
      'Retail'
    );
  });

  it('lists and opens files', async () => {
    const journey = await open({ record: first });
    await journey.machine.getByRole('tab', { name: 'Files' }).click();
    await journey.machine.getByText('Framework contract').waitFor();
    await journey.fits('10-files');
    // The tab that opens it closes by itself as soon as it turns out to be a download.
    const links = '**/time-machine/v1/file/**';
    const opened = new Promise((resolve, reject) => {
      const take = async (route) => {
        const answer = await route.fetch();
        resolve({ status: answer.status(), headers: answer.headers(), text: await answer.text() });
        await route.abort();
      };
      page
        .context()
        .route(links, (route) => take(route).catch(reject))
        .then(() => journey.machine.getByRole('button', { name: /^Open Framework contract/ }).click())
        .catch(reject);
    });
    const { status, headers, text } = await opened;
    await page.context().unroute(links);
    assert.equal(status, 200);
    assert.match(headers['content-disposition'], /Framework contract.*\.txt/);
    assert.equal(text, 'It is agreed.');
  });

  it('lists deleted related records and compares one', async () => {
    const journey = await open({ record: first });
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
    assert.equal(await org.value(journey.record, 'Name'), 'Northwind Traders Ltd');
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
      await journey.tick('Phone', 'Description');
      await journey.fits(`${width}-2-compared`);
      await journey.id('restore').locator('button').click();
      await page.locator('[data-id="confirm"]').waitFor();
      await journey.fits(`${width}-3-confirm`);
      await org.setRule(true);
      await page.locator('[data-id="confirm"] button').click();
      await journey.id('headline').waitFor();
      await org.setRule(false);
      await journey.fits(`${width}-4-result`);
      assert.match(await org.value(journey.record, 'Description'), /^Importer and distributor/);
    });
  }
});
