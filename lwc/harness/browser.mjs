// Debian's Chromium as the browser tests use it, and what they look at on every page.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = path.join(path.dirname(fileURLToPath(import.meta.url)), 'shots');

/** Whether there is a browser at all. */
export const hasBrowser = existsSync(executablePath);

/** Starts the browser, with a profile of its own that goes with it. */
export async function startBrowser() {
  const profile = mkdtempSync(path.join(tmpdir(), 'holdfast-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    timezoneId: 'Europe/Berlin',
    locale: 'en-GB',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync'
    ]
  });
  return {
    open: async (width) => {
      const page = await context.newPage();
      page.setDefaultTimeout(15000);
      await page.setViewportSize({ width, height: 900 });
      return page;
    },
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    }
  };
}

/** Keeps a picture of the page. */
export async function shoot(page, name) {
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: path.join(shots, `${name}.png`) });
}

// Synthetic shadow hides a component's elements from document.querySelectorAll, not from a tree walker.
const findOurs = `window.ours = () => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT);
  const elements = [];
  while (walker.nextNode()) elements.push(walker.currentNode);
  const roots = elements.filter(({ localName }) => /^c-time-machine(-confirm)?$/.test(localName));
  const inside = new Set();
  for (const root of roots) {
    const under = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT);
    while (under.nextNode()) inside.add(under.currentNode);
  }
  return { roots, inside: [...inside] };
};`;

/**
 * Lists what axe objects to in Time Machine, dialogs included. The base dialog's own frame is Salesforce's.
 * @returns {Promise<string[]>} findings
 */
export async function violations(page) {
  await page.evaluate(axeSource);
  await page.evaluate(findOurs);
  const { violations: found } = await page.evaluate(() => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    return window.axe.run({ include: window.ours().roots }, { runOnly: tags });
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

/**
 * Lists elements of Time Machine that stick out of the window, or whose text is cut off. What a
 * scrolling region holds can be reached, and text that is folded says so.
 * @returns {Promise<string[]>} findings
 */
export async function misfits(page) {
  await page.evaluate(findOurs);
  return page.evaluate(() => {
    const findings = [];
    const hidden = (element) =>
      getComputedStyle(element).visibility === 'hidden' ||
      element.closest('.slds-kx-is-animating-from-click') ||
      element.closest('.slds-assistive-text, .value_clamped, svg, [aria-hidden="true"]') ||
      getComputedStyle(element.closest('thead') ?? element).clipPath !== 'none';
    const scrolls = (element) => {
      const region = element.closest('[data-scroll], [role="listbox"], .slds-modal__content');
      return (
        region && region.scrollWidth > region.clientWidth && getComputedStyle(region).overflowX === 'auto'
      );
    };
    for (const element of window.ours().inside) {
      const box = element.getBoundingClientRect();
      if (box.width === 0 || box.height === 0 || hidden(element)) continue;
      const name = `${element.tagName.toLowerCase()}.${[...element.classList].join('.')}`;
      const outside = box.right > window.innerWidth + 1 || box.left < -1;
      if (outside && !scrolls(element))
        findings.push(`${name} sticks out: ${Math.round(box.left)} to ${Math.round(box.right)}`);
      const { overflowX, overflowY } = getComputedStyle(element);
      const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      const isWide = overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
      const isTall = overflowY === 'hidden' && element.scrollHeight > element.clientHeight + 1;
      if (isText && (isWide || isTall)) findings.push(`${name} is clipped`);
    }
    if (document.documentElement.scrollWidth > window.innerWidth + 1)
      findings.push('the page scrolls sideways');
    return findings;
  });
}
