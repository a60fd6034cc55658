// Judges an org with @salesforce/core and source-deploy-retrieve, the libraries
// of the Salesforce CLI: one line a check, and last `sfcore: N passed, N failed`.
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// The libraries keep state and telemetry in the home folder: give them one.
const home = mkdtempSync(join(tmpdir(), 'sfcore-'));
Object.assign(process.env, {
  HOME: home, USERPROFILE: home, SF_DISABLE_TELEMETRY: 'true', SF_DISABLE_LOG_FILE: 'true', SF_USE_GENERIC_UNIX_KEYCHAIN: 'true',
  SF_ORG_API_VERSION: '66.0', SFDX_DISABLE_DNS_CHECK: 'true', SF_DISABLE_DNS_CHECK: 'true', SF_ORG_METADATA_REST_DEPLOY: 'false',
});
const { AuthInfo, Connection, Org } = await import('@salesforce/core');
const { ComponentSet } = await import('@salesforce/source-deploy-retrieve');

const url = process.env.ORG_URL;
const tally = { passed: 0, failed: 0 };
async function check(name, fn) {
  try {
    await fn();
    tally.passed++;
    console.log(`ok   sfcore: ${name}`);
  } catch (err) {
    tally.failed++;
    console.log(`FAIL sfcore: ${name}\n       ${String(err?.stack ?? err).slice(0, 1500)}`);
  }
}

let connection;
await check('login by JWT bearer', async () => {
  const privateKey = join(home, 'server.key');
  writeFileSync(privateKey, process.env.ORG_PRIVATE_KEY, { mode: 0o600 });
  const authInfo = await AuthInfo.create({
    username: process.env.ORG_USERNAME,
    oauth2Options: { clientId: process.env.ORG_CLIENT_ID, privateKey, loginUrl: url },
  });
  connection = await Connection.create({ authInfo });
  connection.setApiVersion('66.0');
  assert.equal(connection.getUsername(), process.env.ORG_USERNAME);
});
await check('the org it is', async () => {
  const org = await Org.create({ connection });
  assert.match(org.getOrgId(), /^00D/);
  const info = await connection.singleRecordQuery('SELECT Name, IsSandbox FROM Organization');
  assert.equal(info.IsSandbox, false);
});
await check('the newest version', async () => assert.equal(await connection.retrieveMaxApiVersion(), '66.0'));
await check('records one by one', async () => {
  const { id } = await connection.sobject('Account').create({ Name: "O'Neil & \"co\" ✓" });
  await connection.sobject('Account').update({ Id: id, Phone: '1' });
  const got = await connection.singleRecordQuery(`SELECT Name, Phone FROM Account WHERE Id = '${id}'`);
  assert.deepEqual([got.Name, got.Phone], ["O'Neil & \"co\" ✓", '1']);
  await connection.sobject('Account').destroy(id);
  await assert.rejects(connection.sobject('Account').retrieve(id), { errorCode: 'ENTITY_IS_DELETED' });
});
await check('every page of a query', async () => {
  const rows = Array.from({ length: 2300 }, (_, i) => ({ LastName: `Page ${i}`, Company: 'sfcore' }));
  for (let i = 0; i < rows.length; i += 200) {
    const results = await connection.sobject('Lead').create(rows.slice(i, i + 200));
    assert.ok(results.every((r) => r.success));
  }
  const all = await connection.autoFetchQuery("SELECT Id FROM Lead WHERE Company = 'sfcore'", { autoFetch: true, maxFetch: 10000 });
  assert.equal(all.records.length, 2300);
});
await check('2,300 rows by Bulk 2.0', async () => {
  const rows = [];
  const stream = await connection.bulk2.query("SELECT Id, LastName FROM Lead WHERE Company = 'sfcore'");
  for await (const row of stream) rows.push(row);
  assert.equal(rows.length, 2300);
  const results = await connection.bulk2.loadAndWaitForResults({ object: 'Lead', operation: 'delete', input: rows.map(({ Id }) => ({ Id })), pollInterval: 20 });
  assert.equal(results.successfulResults.length, 2300);
});
await check('tooling', async () => {
  const found = await connection.tooling.query("SELECT Id, ValidationName FROM ValidationRule");
  assert.ok(found.records.length > 0);
});

const dir = join(home, 'project');
for (const path of ['force-app/main/default', 'back']) mkdirSync(join(dir, path), { recursive: true });
writeFileSync(join(dir, 'sfdx-project.json'), JSON.stringify({ packageDirectories: [{ path: 'force-app', default: true }, { path: 'back' }], sourceApiVersion: '66.0' }));
const field = join(dir, 'force-app/main/default/objects/Account/fields');
mkdirSync(field, { recursive: true });
writeFileSync(
  join(field, 'Depth__c.field-meta.xml'),
  `<?xml version="1.0" encoding="UTF-8"?><CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>Depth__c</fullName><label>Depth</label><type>Number</type><precision>8</precision><scale>2</scale></CustomField>`,
);
await check('a field deployed from source', async () => {
  const deploy = await ComponentSet.fromSource(join(dir, 'force-app')).deploy({ usernameOrConnection: connection, apiOptions: { rest: false } });
  const result = await deploy.pollStatus(20, 30);
  assert.equal(result.response.status, 'Succeeded', JSON.stringify(result.response.details));
  const described = await connection.sobject('Account').describe();
  assert.equal(described.fields.find((f) => f.name === 'Depth__c')?.scale, 2);
});
await check('a field that is wrong is refused', async () => {
  writeFileSync(join(field, 'Wrong__c.field-meta.xml'), `<CustomField xmlns="http://soap.sforce.com/2006/04/metadata"><fullName>Wrong__c</fullName><label>W</label><type>Lookup</type><referenceTo>Nowhere__c</referenceTo></CustomField>`);
  const deploy = await ComponentSet.fromSource(join(dir, 'force-app')).deploy({ usernameOrConnection: connection, apiOptions: { rest: false } });
  const result = await deploy.pollStatus(20, 30);
  assert.equal(result.response.status, 'Failed');
  rmSync(join(field, 'Wrong__c.field-meta.xml'));
});
await check('the same field retrieved as source', async () => {
  const wanted = new ComponentSet([{ fullName: 'Account.Depth__c', type: 'CustomField' }]);
  wanted.apiVersion = '66.0';
  const retrieve = await wanted.retrieve({ usernameOrConnection: connection, output: join(dir, 'back'), merge: false, format: 'source' });
  const result = await retrieve.pollStatus(20, 30);
  assert.equal(result.response.status, 'Succeeded', JSON.stringify(result.response.messages));
  const path = result.getFileResponses().map((f) => f.filePath).find((p) => p?.endsWith('Depth__c.field-meta.xml'));
  assert.match(readFileSync(path, 'utf8'), /<precision>8<\/precision>/);
});
await check('what the org has, as a component set', async () => {
  const found = await ComponentSet.fromConnection({ usernameOrConnection: connection, metadataTypes: ['ValidationRule', 'CustomField'] });
  const names = [...found].map((c) => c.fullName);
  assert.ok(names.includes('Account.Depth__c'), names.slice(0, 20).join());
});

rmSync(home, { recursive: true, force: true });
console.log(`sfcore: ${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
