// The main job as two clients that are not ours see it: jsforce works in the
// org (loads the data set, edits, deletes, reads back), plain GraphQL over HTTP
// speaks to Holdfast. Prints one line a check, and last `journey: N passed, N failed`.
//
//   GRAPHQL_URL, GRAPHQL_TOKEN   the server and a session
//   ORG_ID                       the org, as the server knows it
//   ORG_URL, CLIENT_ID, CLIENT_SECRET   the org, as jsforce signs in to it
//   DATA                         folder of the data set
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import jsforce from 'jsforce';

const { GRAPHQL_URL, GRAPHQL_TOKEN, ORG_ID, ORG_URL, CLIENT_ID, CLIENT_SECRET, DATA } = process.env;
let passed = 0;
let failed = 0;

function check(what, got, want) {
  const ok = JSON.stringify(got) === JSON.stringify(want);
  if (ok) passed++;
  else failed++;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${what}${ok ? '' : `: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`}`);
}

async function ask(query, variables) {
  const response = await fetch(GRAPHQL_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${GRAPHQL_TOKEN}` },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  for (const payload of Object.values(data)) if (payload?.userErrors?.length) throw new Error(JSON.stringify(payload.userErrors));
  return data;
}

async function finished(id) {
  for (;;) {
    const { job } = await ask('query($id: ID!) { job(id: $id) { number state added changed deleted error { message } } }', { id });
    if (!['QUEUED', 'IN_PROGRESS'].includes(job.state)) return job;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function backup(name) {
  const { backupStart } = await ask('mutation($input: BackupStartInput!) { backupStart(input: $input) { job { id } userErrors { message } } }', { input: { orgId: ORG_ID, name } });
  const job = await finished(backupStart.job.id);
  check(`${name} is complete`, job.state, 'COMPLETED');
  return job;
}

// load inserts the data set as a person would, and answers the ids by reference.
async function load(org) {
  const ids = {};
  let count = 0;
  for (const { sobject, files } of JSON.parse(readFileSync(join(DATA, 'plan.json')))) {
    for (const file of files) {
      const { records } = JSON.parse(readFileSync(join(DATA, file)));
      for (let at = 0; at < records.length; at += 200) {
        const part = records.slice(at, at + 200);
        const rows = part.map(({ attributes, ...fields }) =>
          Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' && ids[value.slice(1)] && value[0] === '@' ? ids[value.slice(1)] : value])));
        const results = await org.sobject(sobject).create(rows);
        results.forEach((result, i) => {
          if (!result.success) throw new Error(`${sobject} ${part[i].attributes.referenceId}: ${JSON.stringify(result.errors)}`);
          ids[part[i].attributes.referenceId] = result.id;
          count++;
        });
      }
    }
  }
  return { ids, count };
}

const org = new jsforce.Connection({ instanceUrl: ORG_URL, oauth2: { loginUrl: ORG_URL, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET } });
await org.authorize({ grant_type: 'client_credentials' });
const { ids, count } = await load(org);
check('the data set is loaded', count > 700, true);

// Four states of one account: quotes, newlines, non-Latin text, nulls.
const account = ids.Account1;
const states = [
  { Description: 'He said "no", then "yes".\nTwice.', Phone: '+47 77 60 00 10', NumberOfEmployees: 12 },
  { Description: 'Зимний склад\r\n\t"Північ", 北の倉庫 🏔', Phone: null, NumberOfEmployees: 13 },
  { Description: 'مستودع "الشمال"\n\nسطر أخير', Phone: "+47 ' OR 1=1 --", NumberOfEmployees: null },
  { Description: '"', Phone: '+47 77 60 00 13', NumberOfEmployees: 1000000 },
];
const spoilt = [ids.Task1, ids.Lead1, ids.Case1];
const deleteBefore = [null, ['Task', spoilt[0]], ['Lead', spoilt[1]], ['Case', spoilt[2]]];
for (const [i, state] of states.entries()) {
  await org.sobject('Account').update({ Id: account, ...state });
  if (deleteBefore[i]) await org.sobject(deleteBefore[i][0]).destroy(deleteBefore[i][1]);
  const job = await backup(`backup ${i + 1}`);
  if (i > 0) check(`backup ${i + 1} counts one edit and one deletion`, [job.added, job.changed, job.deleted], [0, 1, 1]);
}

const RECORD = 'query($org: ID!, $object: String!, $id: SalesforceId!) { org(id: $org) { record(objectName: $object, recordId: $id) { versions { edges { node { id change tombstone } } } } } }';
const versionsOf = async (objectName, id) => (await ask(RECORD, { org: ORG_ID, object: objectName, id })).org.record.versions.edges.map((edge) => edge.node);
const versions = (await versionsOf('Account', account)).reverse();
check('the account has four versions', versions.map((v) => v.change), ['ADDED', 'CHANGED', 'CHANGED', 'CHANGED']);
check('the deleted task ends in a tombstone', (await versionsOf('Task', spoilt[0]))[0], { ...(await versionsOf('Task', spoilt[0]))[0], change: 'DELETED', tombstone: 'SOFT' });

const COMPARE = `query($org: ID!, $id: SalesforceId!, $versions: [ID!]!) { org(id: $org) { record(objectName: "Account", recordId: $id) {
  compare(versionIds: $versions) { fields { name identical restorable values } } } } }`;
const compared = async () => (await ask(COMPARE, { org: ORG_ID, id: account, versions: versions.map((v) => v.id) })).org.record.compare.fields;
const text = (value) => (value === null ? null : String(value));
for (const name of ['Description', 'Phone', 'NumberOfEmployees']) {
  const field = (await compared()).find((f) => f.name === name);
  check(`${name} compares as it was edited`, field.values, [states[3], ...states].map((state) => text(state[name])));
}
const differing = (await compared()).filter((f) => !f.identical).map((f) => f.name).sort();
check('nothing else differs but the stamps', differing, ['Description', 'LastModifiedDate', 'NumberOfEmployees', 'Phone', 'SystemModstamp']);

const before = await org.sobject('Account').retrieve(account);
const { recordFieldsRestore } = await ask(
  'mutation($input: RecordFieldsRestoreInput!) { recordFieldsRestore(input: $input) { job { id } userErrors { message } } }',
  { input: { orgId: ORG_ID, objectName: 'Account', recordId: account, fields: [{ name: 'Description', versionId: versions[1].id }] } });
check('the restore is complete', (await finished(recordFieldsRestore.job.id)).state, 'COMPLETED');
const after = await org.sobject('Account').retrieve(account);
check('jsforce reads the restored field', after.Description, states[1].Description);
const stamps = ['LastModifiedDate', 'LastModifiedById', 'SystemModstamp', 'Description'];
check('no other field has moved', Object.keys(after).filter((name) => !stamps.includes(name) && JSON.stringify(after[name]) !== JSON.stringify(before[name])), []);

console.log(`journey: ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
