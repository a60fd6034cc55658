// The org's own LWC compiler over every bundle. Usage: node tools/platform-compile.mjs [folder of bundles]
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const { compile } = createRequire(import.meta.url)('@lwc/sfdc-lwc-compiler');
const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = path.resolve(process.argv[2] ?? path.join(here, 'force-app/main/default/lwc'));

function filesOf(bundle) {
  const names = readdirSync(path.join(folder, bundle)).filter(
    (name) => statSync(path.join(folder, bundle, name)).isFile() && !name.endsWith('-meta.xml')
  );
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(path.join(folder, bundle, name), 'utf8')])
  );
}

const bundles = readdirSync(folder).filter((name) => statSync(path.join(folder, name)).isDirectory());
let failed = 0;
for (const name of bundles) {
  const { success, diagnostics } = await compile({
    bundle: { namespace: 'c', name, type: 'platform', files: filesOf(name), apiVersion: 66 }
  });
  const findings = diagnostics.filter(({ level }) => level <= 1);
  findings.forEach(({ filename, location, message }) =>
    console.error(`${name}/${filename ?? ''}:${location?.line ?? ''} ${message}`)
  );
  if (!success || findings.length) failed += 1;
}
console.log(`platform compiler: ${bundles.length} bundles, ${failed} refused`);
process.exit(failed ? 1 : 0);
