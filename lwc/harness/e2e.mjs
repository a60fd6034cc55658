// Builds the harness, runs the browser tests, and ends with one countable line. Without Chromium
// it says so and passes, except under CI. With RECORDS=1000000 it only measures, in an org of that size.
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { hasBrowser } from './browser.mjs';
import { build } from './build.mjs';

if (!hasBrowser) {
  console.log('e2e: Chromium is not installed (Debian: chromium), or CHROMIUM does not name it.');
  process.exit(process.env.CI ? 1 : 0);
}
await build();
const counts = { passed: 0, failed: 0 };
const count = (outcome) => (event) => {
  if (event.details.type !== 'suite') counts[outcome] += 1;
};
const tests = process.env.RECORDS ? ['speed.test.mjs'] : ['e2e.test.mjs', 'speed.test.mjs'];
run({ files: tests.map((name) => fileURLToPath(new URL(name, import.meta.url))), concurrency: 1 })
  .on('test:pass', count('passed'))
  .on('test:fail', count('failed'))
  .on('test:fail', () => {
    process.exitCode = 1;
  })
  .on('end', () => setImmediate(() => console.log(`e2e: ${counts.passed} passed, ${counts.failed} failed`)))
  .compose(spec)
  .pipe(process.stdout);
