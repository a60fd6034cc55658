import assert from 'node:assert/strict';
import { misfits, shoot, violations } from './browser.mjs';

/** A journey through the page, in the user's words, whoever plays the org. */
export class Journey {
  constructor(page) {
    this.page = page;
    this.machine = page.locator('c-time-machine');
  }

  id(name) {
    return this.machine.locator(`[data-id="${name}"]`);
  }

  field(name) {
    return this.machine.locator(`tr[data-field="${name}"]`);
  }

  async pick(count) {
    const options = this.machine.locator('lightning-dual-listbox [role="option"]');
    await options.first().click();
    for (let i = 1; i < count; i++) await options.nth(i).click({ modifiers: ['Control'] });
    await this.machine.getByRole('button', { name: 'Move selection to Versions to compare' }).click();
  }

  /** As pick, where there is little room. */
  async tickVersions(count) {
    const boxes = this.machine.locator('c-time-machine-versions lightning-input label');
    for (let i = 0; i < count; i++) await boxes.nth(i).click();
  }

  async compare(count = 4) {
    await this.pick(count);
    await this.id('compare').click();
    await this.machine.locator('c-time-machine-compare table').waitFor();
  }

  async tick(...names) {
    for (const name of names) await this.field(name).locator('input[type="checkbox"]').check();
  }

  async restore() {
    await this.id('restore').locator('button').click();
    await this.page.locator('[data-id="confirm"] button').click();
  }

  async fits(name) {
    assert.deepEqual(await misfits(this.page), [], name);
    assert.deepEqual(await violations(this.page), [], name);
    await shoot(this.page, name);
  }
}
