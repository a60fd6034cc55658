// Builds the deployable metadata package, and checks what a deployment would refuse: unknown XML
// members, references to things that the package does not hold, bundles without their meta file.
// Usage: node tools/package.mjs [source folder] [output folder]; a zip of the same name lies beside it.
import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { unknownMembers } from './metadata.mjs';

const require = createRequire(import.meta.url);
const { ComponentSet, MetadataConverter } = require('@salesforce/source-deploy-retrieve');
const here = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const source = path.resolve(process.argv[2] ?? path.join(here, 'force-app'));
const output = path.resolve(process.argv[3] ?? path.join(here, 'package/time-machine'));

// Salesforce's resolver takes any folder called lwc, such as this project's own, for one of components.
const elsewhere = mkdtempSync(path.join(tmpdir(), 'holdfast-'));
process.on('exit', () => rmSync(elsewhere, { recursive: true }));
cpSync(source, path.join(elsewhere, 'force-app'), {
  recursive: true,
  filter: (file) => !/__tests__|jest-mocks/.test(file)
});

const set = ComponentSet.fromSource(path.join(elsewhere, 'force-app'));
const components = set
  .getSourceComponents()
  .toArray()
  .flatMap((component) => [component, ...component.getChildren()]);
const has = (type, name) => components.some((each) => each.type.name === type && each.fullName === name);

/** Each reference that one metadata file makes to another, as [pattern, type of what it names]. */
const REFERENCES = [
  [/<apexClass>(.+?)<\/apexClass>/g, 'ApexClass'],
  [/<externalCredential>(.+?)<\/externalCredential>/g, 'ExternalCredential'],
  [/<customPermissions>[^]*?<name>(.+?)<\/name>/g, 'CustomPermission'],
  [/@salesforce\/label\/c\.(\w+)/g, 'CustomLabel'],
  [/@salesforce\/apex\/(\w+)\.\w+/g, 'ApexClass'],
  [/\bLabel\.(\w+)/g, 'CustomLabel'],
  [/'callout:(\w+)\//g, 'NamedCredential'],
  [/<c-([a-z-]+)/g, 'LightningComponentBundle']
];

const camel = (tag) => tag.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

function dangling(file) {
  const text = readFileSync(file, 'utf8');
  return REFERENCES.flatMap(([pattern, type]) =>
    [...text.matchAll(pattern)]
      .map(([, name]) => (type === 'LightningComponentBundle' ? camel(name) : name))
      .filter((name) => !has(type, name))
      .map((name) => `${path.relative(source, file)}: there is no ${type} ${name}`)
  );
}

function filesUnder(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(js|html|cls|xml)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => !/__tests__|jest-mocks/.test(file));
}

function orphans() {
  const lwc = path.join(source, 'main/default/lwc');
  const bundles = existsSync(lwc) ? readdirSync(lwc) : [];
  return bundles
    .filter((name) => !existsSync(path.join(lwc, name, `${name}.js-meta.xml`)))
    .map((name) => `${name}: the bundle has no js-meta.xml`);
}

const named = (file) => (finding) => `${path.relative(source, file)}: ${finding}`;
const files = filesUnder(source);
const findings = [
  ...files.flatMap(dangling),
  ...files.filter((file) => file.endsWith('.xml')).flatMap((file) => unknownMembers(file).map(named(file))),
  ...orphans()
];
rmSync(output, { recursive: true, force: true });
rmSync(`${output}.zip`, { force: true });
for (const type of ['directory', 'zip']) {
  await new MetadataConverter().convert(set, 'metadata', {
    type,
    outputDirectory: path.dirname(output),
    packageName: path.basename(output),
    genUniqueDir: false
  });
}
const manifest = readFileSync(path.join(output, 'package.xml'), 'utf8');
for (const { type, fullName } of components) {
  if (!manifest.includes(`>${fullName}<`))
    findings.push(`package.xml does not name ${type.name} ${fullName}`);
}
findings.forEach((finding) => console.error(finding));
console.log(`package: ${components.length} components, ${findings.length} findings`);
process.exit(findings.length ? 1 : 0);
