// Judges an org with jsforce, a client that is not ours: one line a check, and
// last `jsforce: N passed, N failed`. The org has the objects of ./objects.
import { login, verdict } from './harness.mjs';

const suites = ['login', 'describe', 'records', 'collections', 'query', 'composite', 'bin', 'files', 'limits', 'bulk', 'metadata', 'tooling'];

const conn = await login().catch((err) => {
  console.log(`FAIL login by client credentials: ${err.message}`);
  process.exit(1);
});
for (const suite of suites) {
  const { default: run } = await import(`./checks/${suite}.mjs`);
  await run(conn);
}
process.exit(verdict());
