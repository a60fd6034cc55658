// Two of the Apex gates are Java programs. Without Java they say so and pass,
// except under CI, where a missing piece fails.
import { spawnSync } from 'node:child_process';

const OLDEST = 11;

export function hasJava() {
  const run = spawnSync('java', ['-version'], { encoding: 'utf8' });
  const version = Number(/version "(\d+)/.exec(run.stderr ?? '')?.[1] ?? 0);
  if (version >= OLDEST) return true;
  const message = `Java ${OLDEST} or later is not installed (Debian: default-jre-headless): Apex types and PMD are not checked.`;
  if (process.env.CI) {
    console.error(message);
    process.exit(1);
  }
  console.log(`skipped: ${message}`);
  return false;
}
