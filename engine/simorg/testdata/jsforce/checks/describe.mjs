import assert from 'node:assert/strict';
import { check, org, refusal } from '../harness.mjs';

const entryKeys = (
  'activateable associateEntityType associateParentEntity createable custom customSetting deepCloneable deletable ' +
  'deprecatedAndHidden feedEnabled hasSubtypes isInterface isSubtype keyPrefix label labelPlural layoutable mergeable ' +
  'mruEnabled name queryable replicateable retrieveable searchable triggerable undeletable updateable urls'
).split(' ');
const fieldKeys = (
  'aggregatable autoNumber byteLength calculated calculatedFormula cascadeDelete caseSensitive compoundFieldName ' +
  'controllerName createable custom defaultValue defaultedOnCreate dependentPicklist deprecatedAndHidden digits encrypted ' +
  'externalId extraTypeInfo filterable groupable htmlFormatted idLookup label length mask name nameField namePointing ' +
  'nillable permissionable picklistValues polymorphicForeignKey precision referenceTo relationshipName relationshipOrder ' +
  'restrictedDelete restrictedPicklist scale soapType sortable type unique updateable writeRequiresMasterRead'
).split(' ');

const field = (object, name) => {
  const found = object.fields.find((f) => f.name === name);
  assert.ok(found, `${object.name} has no ${name}`);
  return found;
};
const has = (object, expected) => {
  for (const [key, value] of Object.entries(expected)) assert.deepEqual(object[key], value, `${object.name}.${key}`);
};
const lacks = (object, keys) => assert.deepEqual(keys.filter((k) => !(k in object)), [], `keys that ${object.name} lacks`);

export default async function run(conn) {
  await check('describe: versions need no session', async () => {
    const versions = await (await fetch(`${org.url}/services/data/`)).json();
    assert.ok(versions.some((v) => v.version === org.version && v.url === `/services/data/v${org.version}`));
    assert.deepEqual(versions.map((v) => Number(v.version)), versions.map((v) => Number(v.version)).sort((a, b) => a - b));
  });
  await check('describe: the list of objects', async () => {
    const { encoding, maxBatchSize, sobjects } = await conn.describeGlobal();
    assert.equal(encoding, 'UTF-8');
    assert.equal(maxBatchSize, 200);
    const prefixes = Object.fromEntries(sobjects.map((s) => [s.name, s.keyPrefix]));
    has(prefixes, { Account: '001', Contact: '003', Opportunity: '006', Lead: '00Q', Case: '500', Task: '00T', User: '005', RecordType: '012' });
    assert.match(prefixes.Gauge__c, /^a/);
    for (const s of sobjects) lacks(s, entryKeys);
    has(sobjects.find((s) => s.name === 'Gauge__c'), { custom: true, customSetting: false, queryable: true, undeletable: true, createable: true });
    has(sobjects.find((s) => s.name === 'User'), { deletable: false, undeletable: false, createable: true });
  });
  await check('describe: Account', async () => {
    const account = await conn.sobject('Account').describe();
    has(account, { name: 'Account', keyPrefix: '001', custom: false, mergeable: true, undeletable: true });
    for (const f of account.fields) lacks(f, fieldKeys);
    has(field(account, 'Id'), { type: 'id', length: 18, soapType: 'tns:ID', createable: false, updateable: false });
    has(field(account, 'Name'), { type: 'string', length: 255, nameField: true, nillable: false, createable: true });
    has(field(account, 'SystemModstamp'), { type: 'datetime', createable: false, nillable: false });
    has(field(account, 'OwnerId'), { type: 'reference', defaultedOnCreate: true, referenceTo: ['User'], relationshipName: 'Owner' });
    has(field(account, 'BillingCity'), { compoundFieldName: 'BillingAddress' });
    has(field(account, 'BillingAddress'), { type: 'address', createable: false });
    const contacts = account.childRelationships.find((r) => r.childSObject === 'Contact' && r.field === 'AccountId');
    has(contacts, { cascadeDelete: true, restrictedDelete: false, relationshipName: 'Contacts' });
    assert.equal(account.recordTypeInfos.find((r) => r.master)?.recordTypeId, '012000000000000AAA');
  });
  await check('describe: picklists and required fields', async () => {
    const opportunity = await conn.sobject('Opportunity').describe();
    const stage = field(opportunity, 'StageName');
    assert.ok(stage.picklistValues.some((v) => v.value === 'Closed Won' && v.active));
    has(stage, { type: 'picklist', nillable: false });
    has(field(opportunity, 'CloseDate'), { type: 'date', nillable: false, createable: true });
    has(field(opportunity, 'ExpectedRevenue'), { type: 'currency', createable: false, updateable: false });
  });
  await check('describe: a custom object, its lookup and its detail', async () => {
    const gauge = await conn.sobject('Gauge__c').describe();
    has(field(gauge, 'Code__c'), { type: 'string', length: 40, externalId: true, unique: true, caseSensitive: true, idLookup: true });
    has(field(gauge, 'Account__c'), { type: 'reference', referenceTo: ['Account'], relationshipName: 'Account__r', relationshipOrder: null, nillable: true });
    has(field(gauge, 'Amount__c'), { type: 'currency', precision: 18, scale: 2 });
    has(field(gauge, 'Kind__c'), { type: 'picklist', restrictedPicklist: true });
    assert.deepEqual(field(gauge, 'Kind__c').picklistValues.map((v) => v.value), ['Rain', 'Wind', 'Tide']);
    has(field(gauge, 'Double__c'), { calculated: true, createable: false, updateable: false });
    has(field(gauge, 'Flag__c'), { type: 'boolean', nillable: false, defaultedOnCreate: true });
    const reading = await conn.sobject('Reading__c').describe();
    has(field(reading, 'Gauge__c'), { type: 'reference', relationshipOrder: 0, cascadeDelete: true, nillable: false, updateable: false });
    has(field(reading, 'Name'), { autoNumber: true, createable: false });
    assert.ok(!reading.fields.some((f) => f.name === 'OwnerId'), 'a detail has no owner of its own');
    has(gauge.childRelationships.find((r) => r.childSObject === 'Reading__c'), { cascadeDelete: true, relationshipName: 'Readings__r' });
  });
  await check('describe: names in any case, canonical in the answer', async () => {
    const account = await conn.describe('aCCOUNT');
    assert.equal(account.name, 'Account');
  });
  await check('describe: an unknown object', async () => {
    const err = await refusal(() => conn.describe('Nonesuch__c'));
    assert.equal(err.errorCode, 'NOT_FOUND');
  });
  await check('describe: not modified since', async () => {
    const since = new Date(Date.now() + 86400_000).toUTCString();
    const res = await fetch(`${org.url}/services/data/v${org.version}/sobjects/Account/describe`, {
      headers: { authorization: `Bearer ${conn.accessToken}`, 'if-modified-since': since },
    });
    assert.equal(res.status, 304);
    assert.equal(await res.text(), '');
  });
}
